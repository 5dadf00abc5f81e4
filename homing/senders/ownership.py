"""The sender that a request acts for: that of its API key, or any with AWS credentials."""

from __future__ import annotations

from homing.errors import FieldError, InvalidMessageError
from homing.identifiers import DEFAULT_SENDER_ID

_NOT_YOURS = FieldError("senderId", "is not the sender of this API key; leave it out")


def acting_sender(asked: str | None, owner: str | None) -> str:
    """Return the sender that a request acts for.

    Args:
        asked: its `senderId`, if it has one.
        owner: the sender of its key; None for a call with AWS credentials.

    Raises:
        InvalidMessageError: 403 when `senderId` is not the sender of the key, whether such a
            sender exists or not.
    """
    if owner is None:
        return DEFAULT_SENDER_ID if asked is None else asked
    if asked not in (None, owner):
        raise InvalidMessageError([_NOT_YOURS], 403)
    return owner
