"""The actions of an operator on an endpoint: the same API requests as in the CLI."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from homing.credentials.secret_rotation import DEFAULT_GRACE, MAX_GRACE
from homing_cli.console.actions.chosen import ActionError
from homing_cli.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

_HOUR = timedelta(hours=1)
DEFAULT_GRACE_HOURS, MAX_GRACE_HOURS = DEFAULT_GRACE // _HOUR, MAX_GRACE // _HOUR
_KEPT = 50


@dataclass(frozen=True, slots=True)
class Way:
    """A kind of action: its name, its effect, and whether it stops or replaces something."""

    words: str
    effect: str
    is_danger: bool = False


WAYS: Mapping[str, Way] = {
    "enable": Way(
        "Enable",
        "Messages are sent to it again within a minute. Messages that have failed are not resent "
        "automatically: you can resend them from the next page.",
    ),
    "disable": Way(
        "Disable",
        "Within a minute nothing more is sent to it. Messages to it are still accepted and then "
        "dead-lettered, including those that wait for a retry.",
        is_danger=True,
    ),
    "test": Way(
        "Send a test",
        "A message marked as a test in its payload is accepted, signed and delivered like any "
        "other.",
    ),
    "rotate-secret": Way(
        "Rotate the secret",
        "A new secret signs immediately and is shown once, on the next page. The old secrets also "
        "keep signing for the time you choose, so that the receiver can switch.",
        is_danger=True,
    ),
}


class _Api(Protocol):
    """The endpoint operations of the API, as in `homing_cli.client.api.ApiClient`."""

    def endpoints(
        self, method: str, path: str, body: Mapping[str, Any] | None, sender_id: str | None
    ) -> dict[str, Any]:
        """Make a request about endpoints."""


@dataclass(frozen=True, slots=True)
class Request:
    """An action on an endpoint.

    Args:
        way: one of `WAYS`.
        sender_id: the endpoint's sender.
        endpoint_id: the endpoint.
        grace_hours: for how many hours the old secrets also sign after a rotation.
    """

    way: str
    sender_id: str
    endpoint_id: str
    grace_hours: int = DEFAULT_GRACE_HOURS

    @classmethod
    def from_form(cls, form: Mapping[str, Any]) -> Request:
        """Return the action described by a form.

        Raises:
            ActionError: when the form is not valid.
        """
        given = {name: form.get(name) for name in ("way", "sender", "endpoint")}
        texts = {name: text for name, text in given.items() if isinstance(text, str) and text}
        if len(texts) < len(given) or texts["way"] not in WAYS:
            raise ActionError("the form names no action and endpoint")
        hours = str(form.get("hours", DEFAULT_GRACE_HOURS)).strip()
        if not hours.isdecimal() or int(hours) > MAX_GRACE_HOURS:
            raise ActionError(f"hours: must be a whole number from 0 to {MAX_GRACE_HOURS}")
        return cls(texts["way"], texts["sender"], texts["endpoint"], int(hours))


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an action: the request and the response, which may contain a new secret."""

    request: Request
    answer: Mapping[str, Any]

    @property
    def is_confidential(self) -> bool:
        """Whether the response contains a secret, which is shown only once."""
        return "secret" in self.answer


class EndpointActions:
    """Runs actions on endpoints, and keeps the latest results for the pages that show them.

    Args:
        api: the API.
    """

    def __init__(self, api: _Api) -> None:
        self._api = api
        self._outcomes: dict[str, Outcome] = {}

    def run(self, request: Request) -> str:
        """Run an action and return the id of its result.

        Raises:
            NotFoundError: when there is no such endpoint.
            ApiError: when the API cannot be reached or refuses the request.
        """
        outcome_id = secrets.token_hex(8)
        self._outcomes[outcome_id] = Outcome(request, self._call(request))
        for old in list(self._outcomes)[:-_KEPT]:
            self._outcomes.pop(old, None)
        return outcome_id

    def outcome(self, outcome_id: str) -> Outcome:
        """Return the result of an action. A result that contains a secret is returned only once.

        Raises:
            NotFoundError: when there is no such result, or its secret has already been shown.
        """
        found = self._outcomes.get(outcome_id)
        if found is None:
            raise NotFoundError(
                "this page is gone: it contained a secret and was shown once, or the console "
                "was restarted"
            )
        if found.is_confidential:
            self._outcomes.pop(outcome_id, None)
        return found

    def _call(self, request: Request) -> Mapping[str, Any]:
        path, sender_id = f"/{quote(request.endpoint_id, safe='')}", request.sender_id
        match request.way:
            case "enable" | "disable" as way:
                return self._api.endpoints("PATCH", path, {"enabled": way == "enable"}, sender_id)
            case "test":
                return self._api.endpoints("POST", f"{path}/test", None, sender_id)
            case _:
                grace = {"graceSeconds": request.grace_hours * 3600}
                return self._api.endpoints("POST", f"{path}/rotate-secret", grace, sender_id)
