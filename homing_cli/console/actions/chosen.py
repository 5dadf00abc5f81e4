"""A delivery that was selected on a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qs, urlencode

from homing_cli.errors import CommandError

if TYPE_CHECKING:
    from homing.delivery import Reference


class ActionError(CommandError):
    """Raised when a form is not valid."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The ids of a delivery that was selected on a page."""

    message_id: str
    sender_id: str
    delivery_id: str

    @classmethod
    def of(cls, reference: Reference) -> Self:
        """Return the ids of a delivery."""
        return cls(reference.message_id, reference.sender_id, reference.delivery_id)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Return the ids of the delivery that the text in a form names.

        Raises:
            ActionError: when the text was not written by `to_text`.
        """
        found = {name: values[0] for name, values in parse_qs(text).items()}
        try:
            return cls(found["message"], found["sender"], found["id"])
        except KeyError as error:
            raise ActionError("the form names no delivery") from error

    def to_text(self) -> str:
        """Return the text that names the delivery in forms, and in the query string of its page."""
        ids = {"message": self.message_id, "sender": self.sender_id, "id": self.delivery_id}
        return urlencode(ids)
