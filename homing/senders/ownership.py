"""The sender that a request acts for: that of its API key or queue, or any with AWS credentials."""

from __future__ import annotations

from homing.errors import FieldError, InvalidMessageError
from homing.identifiers import DEFAULT_SENDER_ID

_NOT_YOURS = FieldError("senderId", "is not the sender that this key or queue is for; leave it out")


def acting_sender(asked: str | None, owner: str | None) -> str:
    """Return the sender that a request acts for.

    Args:
        asked: its `senderId`, if it has one.
        owner: the sender of its API key or of its ingest queue; None where it may be any.

    Raises:
        InvalidMessageError: 403 when `senderId` is not the sender of the key, whether such a
            sender exists or not.
    """
    if owner is None:
        return DEFAULT_SENDER_ID if asked is None else asked
    if asked not in (None, owner):
        raise InvalidMessageError([_NOT_YOURS], 403)
    return owner
