"""The sender that a request acts for.

A request with an API key, or from an ingest queue with a sender, acts for that sender only. A
request with AWS credentials may name any sender.
"""

from __future__ import annotations

from homing.errors import FieldError, InvalidMessageError
from homing.identifiers import DEFAULT_SENDER_ID

_NOT_YOURS = FieldError("senderId", "is not the sender that this key or queue is for; leave it out")


def acting_sender(asked: str | None, only_sender: str | None) -> str:
    """Return the sender that a request acts for.

    Args:
        asked: the request's `senderId`, if it has one.
        only_sender: the only sender that the request may act for, which is that of its API key or
            ingest queue; None when it may act for any.

    Raises:
        InvalidMessageError: 403 when `senderId` is another sender than `only_sender`, whether such
            a sender exists or not.
    """
    if only_sender is None:
        return DEFAULT_SENDER_ID if asked is None else asked
    if asked not in (None, only_sender):
        raise InvalidMessageError([_NOT_YOURS], 403)
    return only_sender
