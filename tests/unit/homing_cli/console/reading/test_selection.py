"""Which deliveries a page of the console lists, by the parameters in its URL."""

from __future__ import annotations

from typing import Any

import pytest

from homing.api.delivery_request import after_text
from homing.ledger.delivery_filter import LISTED, DeliveryFilter
from homing.recovery.bulk_redrive import REDRIVABLE
from homing.retry.classification import Category, Status
from homing_cli.console.reading.selection import Selection, parameters


def wanted(query: dict[str, str], statuses: tuple[Status, ...] = LISTED) -> DeliveryFilter:
    chosen = Selection.from_query(query, statuses)
    assert chosen.complaint == ""
    return chosen.wanted


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({}, {}),
        ({"senderId": " crm ", "endpointId": ""}, {"sender_id": "crm"}),
        ({"endpointId": "shop-7"}, {"endpoint_id": "shop-7"}),
        ({"category": "GONE"}, {"category": Category.GONE}),
        ({"messageId": "184"}, {"message_id": "184"}),
        ({"reason": "timed"}, {"reason": "timed"}),
        ({"eventType": "order.*"}, {"event_type": "order.*"}),
        ({"targetUrl": "https://a"}, {"target_url": "https://a"}),
        ({"since": "2026-01-31T12:00"}, {"since": "2026-01-31T12:00:00.000Z"}),
        ({"before": "2026-01-31T12:00:07"}, {"before": "2026-01-31T12:00:07.000Z"}),
        ({"since": "2026-01-31T12:00:00+02:00"}, {"since": "2026-01-31T10:00:00.000Z"}),
        ({"status": "FAILED"}, {"statuses": (Status.FAILED,)}),
        (
            {"status": "QUEUED,RETRY_SCHEDULED"},
            {"statuses": (Status.QUEUED, Status.RETRY_SCHEDULED)},
        ),
        ({"status": "DELIVERED"}, {"statuses": (Status.DELIVERED,)}),
        ({"unknown": "x", "view": "groups"}, {}),
    ],
)
def test_the_parameters_of_a_page_are_the_filter_of_the_api(
    query: dict[str, str], fields: dict[str, Any]
) -> None:
    assert wanted(query) == DeliveryFilter(**fields)


def test_a_list_of_dead_letters_has_their_statuses_unless_one_is_chosen() -> None:
    assert wanted({}, REDRIVABLE).statuses == REDRIVABLE
    assert wanted({"status": "FAILED"}, REDRIVABLE).statuses == (Status.FAILED,)


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ({"since": "yesterday"}, "since is not a valid ISO-8601 date-time"),
        ({"before": "2026-02-30T00:00"}, "before is not a valid ISO-8601 date-time"),
        ({"status": "LOST"}, "status"),
        ({"category": "BAD"}, "category"),
        ({"after": "nonsense"}, "after is not the `after` of a page of this list"),
    ],
)
def test_what_cannot_be_a_filter_is_complained_of_by_its_field(
    query: dict[str, str], complaint: str
) -> None:
    assert Selection.from_query(query).complaint.startswith(complaint)


def test_a_page_begins_after_the_place_that_its_address_names() -> None:
    place = ("2026-01-31T12:00:00.000Z", "a#b", "c")
    chosen = Selection.from_query({"senderId": "crm", "after": after_text(place)})
    assert chosen.after == place
    assert chosen.given == {"senderId": "crm"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-01-31T12:00", "2026-01-31T12:00"),
        ("2026-01-31T12:00:07.123Z", "2026-01-31T12:00:07"),
        ("2026-01-31T12:00Z", "2026-01-31T12:00"),
    ],
)
def test_a_time_is_shown_as_an_input_of_times_takes_it(text: str, shown: str) -> None:
    assert Selection.from_query({"since": text}).shown("since") == shown


def test_the_list_of_a_cause_is_of_the_endpoint_or_without_one_of_the_url() -> None:
    one = {"sender_id": "crm", "target_url": "https://a", "category": Category.GONE}
    assert parameters(endpoint_id="shop", **one) == {  # type: ignore[arg-type]
        "senderId": "crm",
        "endpointId": "shop",
        "category": "GONE",
    }
    assert parameters(endpoint_id=None, **{**one, "category": None}) == {  # type: ignore[arg-type]
        "senderId": "crm",
        "targetUrl": "https://a",
    }
