from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.delivery import Delivery, Reference
from homing.errors import MalformedDeliveryError
from homing.retry.outcome import AttemptError, ErrorKind, Outcome
from homing.retry.policy import Jitter, Policy

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_delivery_survives_the_way_through_its_document(delivery: Delivery) -> None:
    assert Delivery.from_document(json.loads(json.dumps(delivery.to_document()))) == delivery


@pytest.mark.parametrize(
    "policy", [Policy(), Policy(schedule=(0, 5.5)), Policy(jitter=Jitter.NONE, max_attempts=20)]
)
def test_a_policy_survives_the_way_through_its_document(policy: Policy) -> None:
    assert Policy.from_document(json.loads(json.dumps(policy.to_document()))) == policy


@pytest.mark.parametrize("error", [None, AttemptError(ErrorKind.DNS, "no such host")])
def test_an_outcome_survives_the_way_through_its_document(error: AttemptError | None) -> None:
    outcome = Outcome("2025-12-28T12:00:00.000Z", 3, 503, "5", "body", error)
    assert Outcome.from_document(json.loads(json.dumps(outcome.to_document()))) == outcome


def without(name: str) -> Callable[[dict[str, Any]], Any]:
    return lambda document: {key: value for key, value in document.items() if key != name}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        *((without(name), name) for name in ("reference", "request", "policy", "dueAt")),
        (lambda document: {**document, "reference": {}}, "messageId"),
        (lambda document: {**document, "request": {"payload": ""}}, "contentType"),
        (lambda document: {**document, "policy": "often"}, "string indices"),
        (
            lambda document: {**document, "policy": {**document["policy"], "jitter": "wild"}},
            "wild",
        ),
        (lambda _: [], "list indices"),
        (lambda _: None, "NoneType"),
        (lambda _: "text", "string indices"),
    ],
)
def test_what_is_no_delivery_document_is_refused_with_the_reason(
    delivery: Delivery, spoil: Callable[[dict[str, Any]], Any], message: str
) -> None:
    with pytest.raises(MalformedDeliveryError, match=message):
        Delivery.from_document(spoil(delivery.to_document()))


def test_the_id_of_a_delivery_is_fit_to_name_an_execution(reference: Reference) -> None:
    assert reference.delivery_id == "9ad96bf134b647a8947fe9f652f412b1"


words = st.text(st.characters(codec="utf-8", exclude_characters="#\n"), max_size=8)
references = st.builds(Reference, *(words,) * 6)


@given(references, references)
def test_two_deliveries_share_an_id_only_if_they_share_the_key(
    one: Reference, other: Reference
) -> None:
    assert (one.delivery_id == other.delivery_id) == (
        (one.pk, one.sk, one.created_at) == (other.pk, other.sk, other.created_at)
    )


def test_correlation_does_not_change_the_id(reference: Reference) -> None:
    assert replace(reference, correlation_id="x").delivery_id == reference.delivery_id


def test_a_message_sent_anew_when_it_has_been_forgotten_gets_an_execution_of_its_own(
    reference: Reference,
) -> None:
    again = replace(reference, created_at="2026-02-28T12:00:00.000Z")
    assert (again.pk, again.sk) == (reference.pk, reference.sk)
    assert again.delivery_id != reference.delivery_id
