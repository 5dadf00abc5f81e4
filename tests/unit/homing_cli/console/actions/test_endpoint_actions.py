"""Actions on endpoints: which requests they make, and what is kept from the responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from homing_cli.console.actions.chosen import ActionError
from homing_cli.console.actions.endpoint_actions import EndpointActions, Request
from homing_cli.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping


class FakeApi:
    """Records the requests, and answers with the given responses."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self.answer = dict(answer)
        self.asked: list[tuple[Any, ...]] = []

    def endpoints(self, *asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        return self.answer


@pytest.mark.parametrize(
    ("way", "request_made"),
    [
        ("enable", ("PATCH", "/a.b", {"enabled": True}, "crm")),
        ("disable", ("PATCH", "/a.b", {"enabled": False}, "crm")),
        ("test", ("POST", "/a.b/test", None, "crm")),
        ("rotate-secret", ("POST", "/a.b/rotate-secret", {"graceSeconds": 7200}, "crm")),
    ],
)
def test_each_action_is_the_request_that_the_command_line_makes(
    way: str, request_made: tuple[Any, ...]
) -> None:
    api = FakeApi({})
    EndpointActions(api).run(Request(way, "crm", "a.b", grace_hours=2))
    assert api.asked == [request_made]


def test_what_an_action_came_to_can_be_shown_again() -> None:
    actions = EndpointActions(FakeApi({"enabled": True}))
    outcome_id = actions.run(Request("enable", "crm", "orders"))
    assert actions.outcome(outcome_id) == actions.outcome(outcome_id)


def test_a_new_secret_is_shown_once() -> None:
    actions = EndpointActions(FakeApi({"secret": "whsec_new"}))
    outcome_id = actions.run(Request("rotate-secret", "crm", "orders"))
    assert actions.outcome(outcome_id).answer["secret"] == "whsec_new"
    with pytest.raises(NotFoundError):
        actions.outcome(outcome_id)


def test_only_the_latest_outcomes_are_kept() -> None:
    actions = EndpointActions(FakeApi({}))
    first, *_, last = [actions.run(Request("test", "crm", "orders")) for _ in range(51)]
    assert actions.outcome(last)
    with pytest.raises(NotFoundError):
        actions.outcome(first)


FORM = {"way": "rotate-secret", "sender": "crm", "endpoint": "orders"}


def test_a_form_names_the_action_the_endpoint_and_the_grace_period() -> None:
    assert Request.from_form(FORM) == Request("rotate-secret", "crm", "orders", 24)
    assert Request.from_form({**FORM, "hours": "0"}).grace_hours == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"way": "explode"},
        {"way": None},
        {"sender": ""},
        {"endpoint": ""},
        {"hours": "721"},
        {"hours": "-1"},
        {"hours": "a day"},
    ],
)
def test_a_form_that_is_not_valid_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ActionError):
        Request.from_form({**FORM, **wrong})
