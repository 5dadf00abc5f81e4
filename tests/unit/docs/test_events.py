"""The filters in docs/events.md work as the page says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from homing.api.endpoint_request import MAX_EVENT_TYPES
from homing.reception.recipients import MAX_SUBSCRIBERS
from homing.routing.pattern import MAX_COMBINATIONS, MAX_DEPTH, MAX_LENGTH
from homing.routing.subscriptions import Event, compile_filter, covers

PAGE = (Path(__file__).parents[3] / "docs" / "events.md").read_text(encoding="utf-8")
RULES = re.findall(r"^\| `(\{.*?)` \| `(\{.*?)` \| `(\{.*?)` \|$", PAGE, re.MULTILINE)
EVENT, FILTER = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


def fits(rule: str, payload: str) -> bool:
    event = Event("order.paid", "shop", "2025-12-28T12:00:00.000Z", payload)
    return compile_filter(f'{{"payload": {rule}}}').matches(event.whole)


@pytest.mark.parametrize(("rule", "matching", "other"), RULES)
def test_each_rule_matches_the_payload_beside_it_and_not_the_other(
    rule: str, matching: str, other: str
) -> None:
    assert (fits(rule, matching), fits(rule, other)) == (True, False)


def test_the_page_shows_every_operator() -> None:
    rules = " ".join(rule for rule, *_ in RULES)
    for name in ("prefix", "suffix", "equals-ignore-case", "wildcard", "cidr", "numeric", "exists"):
        assert f'[{{"{name}": ' in rules
    for name in ("prefix", "suffix", "equals-ignore-case", "wildcard"):
        assert f'"anything-but": {{"{name}": ' in rules


def test_the_event_on_the_page_is_what_filters_see_and_the_filter_is_one() -> None:
    event = json.loads(EVENT)
    shown = Event(
        event["eventType"], event["senderId"], event["timestamp"], json.dumps(event["payload"])
    )
    assert shown.whole.keys() == event.keys()
    assert compile_filter(FILTER).names == {"timestamp", "payload"}


def test_entries_stand_for_the_event_types_that_the_page_says() -> None:
    assert covers("order.*", "order.paid")
    assert covers("order.*", "order.paid.late")
    assert not covers("order.*", "order")


@pytest.mark.parametrize(
    "limit",
    [
        f"{MAX_LENGTH:,} characters",
        f"{MAX_DEPTH} levels",
        f"{MAX_COMBINATIONS:,} combinations",
        f"more than {MAX_SUBSCRIBERS} endpoints",
        f"up to {MAX_EVENT_TYPES} entries",
    ],
)
def test_the_limits_are_those_of_the_code(limit: str) -> None:
    assert limit in " ".join(PAGE.split())
