"""The recipients of a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from homing.endpoints.endpoint import Endpoint
from homing.errors import InvalidMessageError
from homing.reception.policy_override import PolicyOverride
from homing.reception.recipients import no_endpoints, recipients
from homing.reception.request_model import MessageRequest
from homing.senders.acting_sender import acting_sender

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NOON = "2025-12-28T12:00:00.000Z"
KNOWN = {
    "a": Endpoint("shop", "a", "https://a.example/", NOON, NOON, policy={"maxAttempts": 5}),
    "b": Endpoint("shop", "b", "https://b.example/", NOON, NOON),
    "twin": Endpoint("shop", "twin", "https://b.example/", NOON, NOON),
}


def find(sender_id: str, ids: Sequence[str]) -> Mapping[str, Endpoint]:
    return {each: KNOWN[each] for each in ids if each in KNOWN and sender_id == "shop"}


def message(**given: Any) -> MessageRequest:
    return MessageRequest.model_validate({"payload": 0, **given})


def refused(sender_id: str = "shop", **given: Any) -> tuple[int, list[str]]:
    with pytest.raises(InvalidMessageError) as caught:
        recipients(message(**given), sender_id, find)
    return caught.value.status, [error.field for error in caught.value.errors]


def test_plain_urls_are_taken_as_they_are_each_once() -> None:
    to = recipients(
        message(targets=["https://x/", "https://y/", "https://x/"]), "shop", no_endpoints
    )
    assert (to.targets, to.endpoint_ids) == (("https://x/", "https://y/"), ())
    assert to.names == to.targets


def test_endpoints_give_their_urls_and_policies() -> None:
    to = recipients(message(endpointIds=["b", "a", "b"]), "shop", find)
    assert to.targets == ("https://b.example/", "https://a.example/")
    assert to.endpoint_ids == ("b", "a")
    assert to.policies == {"b": PolicyOverride(), "a": PolicyOverride(max_attempts=5)}


def test_what_names_an_endpoint_stays_when_its_url_changes() -> None:
    assert recipients(message(endpointId="a"), "shop", find).names == ("endpoint:a",)


@pytest.mark.parametrize("sender_id", ["shop", "thief"])
def test_an_endpoint_that_the_sender_does_not_have_is_404(sender_id: str) -> None:
    assert refused(sender_id, endpointId="x") == (404, ["endpointId"])


def test_another_senders_endpoint_is_404_by_its_place() -> None:
    assert refused(endpointIds=["x", "a"]) == (404, ["endpointIds[0]"])
    fields = ["endpointIds[0]", "endpointIds[1]"]
    assert refused("thief", endpointIds=["a", "b"]) == (404, fields)


def test_two_endpoints_with_one_url_are_refused_since_the_ledger_cannot_distinguish_them() -> None:
    assert refused(endpointIds=["a", "b", "twin"]) == (400, ["endpointIds[2]"])


@pytest.mark.parametrize(
    ("asked", "only_sender", "acts_for"),
    [
        (None, None, "default"),
        ("shop", None, "shop"),
        (None, "shop", "shop"),
        ("shop", "shop", "shop"),
    ],
)
def test_a_request_acts_for_its_keys_sender_or_under_iam_for_whom_it_names(
    asked: str | None, only_sender: str | None, acts_for: str
) -> None:
    assert acting_sender(asked, only_sender) == acts_for


@pytest.mark.parametrize("asked", ["thief", "default", ""])
def test_a_key_acts_for_its_own_sender_only(asked: str) -> None:
    with pytest.raises(InvalidMessageError) as caught:
        acting_sender(asked, "shop")
    assert (caught.value.status, caught.value.errors[0].field) == (403, "senderId")
