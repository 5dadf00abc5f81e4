"""For whom a request acts: the sender of its API key, or, with AWS credentials, anyone it names."""

from __future__ import annotations

from homing.errors import FieldError, InvalidMessageError
from homing.identifiers import DEFAULT_SENDER_ID

_NOT_YOURS = FieldError("senderId", "is not the sender of this key; leave it out")


def acting_sender(asked: str | None, owner: str | None) -> str:
    """Give the sender that a request acts for.

    Args:
        asked: the `senderId` that it names, if it does.
        owner: the sender of its key; None for a call with AWS credentials.

    Raises:
        InvalidMessageError: 403, where it names another sender than its key's. Whether there is
            such a sender makes no difference.
    """
    if owner is None:
        return DEFAULT_SENDER_ID if asked is None else asked
    if asked not in (None, owner):
        raise InvalidMessageError([_NOT_YOURS], 403)
    return owner
