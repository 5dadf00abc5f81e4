"""A message's own policy, which overrides the default policy."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from homing.errors import InvalidMessageError
from homing.reception.policy_override import (
    STATUS_PATTERN,
    PolicyOverride,
    check_status,
    conflicts,
    override,
)
from homing.retry.policy import PRESETS, Jitter, Policy

DEFAULT = Policy(max_attempts=4, base_delay_seconds=2, max_delay_seconds=100, multiplier=3)
SCHEDULED = replace(DEFAULT, schedule=(1, 2, 3))


@pytest.mark.parametrize(
    ("default", "given", "changed"),
    [
        (DEFAULT, {}, {}),
        (DEFAULT, {"max_attempts": 20}, {"max_attempts": 20}),
        (DEFAULT, {"jitter": Jitter.FULL}, {"jitter": Jitter.FULL}),
        (DEFAULT, {"base_delay_seconds": 100}, {"base_delay_seconds": 100}),
        (DEFAULT, {"schedule": [5, 300]}, {"schedule": (5, 300), "max_attempts": 3}),
        (DEFAULT, {"schedule": [0, 5, 300]}, {"schedule": (0, 5, 300), "max_attempts": 3}),
        (DEFAULT, {"schedule": [0]}, {"schedule": (0,), "max_attempts": 1}),
        (DEFAULT, {"schedule": [5], "max_attempts": 9}, {"schedule": (5,), "max_attempts": 9}),
        (DEFAULT, {"schedule": [1] * 19}, {"schedule": (1,) * 19, "max_attempts": 20}),
        (DEFAULT, {"schedule": [0] + [1] * 19}, {"schedule": (0, *[1] * 19), "max_attempts": 20}),
        (
            DEFAULT,
            {"schedule": [1] * 20, "max_attempts": 2},
            {"schedule": (1,) * 20, "max_attempts": 2},
        ),
        (
            DEFAULT,
            {"preset": "standard-webhooks", "jitter": Jitter.NONE},
            {
                "schedule": PRESETS["standard-webhooks"].schedule,
                "retry_on": ("3xx", "4xx", "5xx"),
                "max_attempts": 10,
                "jitter": Jitter.NONE,
            },
        ),
        (SCHEDULED, {"max_attempts": 2}, {"max_attempts": 2}),
        (SCHEDULED, {"jitter": Jitter.NONE}, {"jitter": Jitter.NONE}),
        (SCHEDULED, {"multiplier": 2}, {"multiplier": 2, "schedule": None}),
        (
            SCHEDULED,
            {"jitter": Jitter.DECORRELATED},
            {"jitter": Jitter.DECORRELATED, "schedule": None},
        ),
    ],
)
def test_only_what_is_given_differs_from_the_default(
    default: Policy, given: dict[str, Any], changed: dict[str, Any]
) -> None:
    assert override(default, PolicyOverride(**given)) == replace(default, **changed)


NAMED = Policy(retry_on=("404", "4xx"), give_up_on=("503", "422"))


@pytest.mark.parametrize(
    ("given", "retry_on", "give_up_on"),
    [
        ({}, ["404", "4xx"], ["503", "422"]),
        ({"retry_on": ["409"]}, ["409"], ["503", "422"]),
        ({"give_up_on": ["500"]}, ["404", "4xx"], ["500"]),
        ({"retry_on": []}, [], ["503", "422"]),
        ({"retry_on": ["409", "409"], "give_up_on": []}, ["409"], []),
        # A given entry replaces the same entry of the default.
        ({"retry_on": ["503"]}, ["503"], ["422"]),
        ({"give_up_on": ["4xx"]}, ["404"], ["4xx"]),
        # A preset sets both lists unless they are given.
        ({"preset": "standard-webhooks"}, ["3xx", "4xx", "5xx"], []),
        ({"preset": "standard-webhooks", "retry_on": []}, [], []),
        ({"preset": "standard-webhooks", "give_up_on": ["404"]}, ["3xx", "4xx", "5xx"], ["404"]),
        ({"preset": "standard-webhooks", "give_up_on": ["3xx"]}, ["4xx", "5xx"], ["3xx"]),
        ({"schedule": [5]}, ["404", "4xx"], ["503", "422"]),
    ],
)
def test_a_list_of_statuses_replaces_that_of_the_default(
    given: dict[str, Any], retry_on: list[str], give_up_on: list[str]
) -> None:
    policy = override(NAMED, PolicyOverride(**given))
    assert (list(policy.retry_on), list(policy.give_up_on)) == (retry_on, give_up_on)


entries = st.from_regex(STATUS_PATTERN, fullmatch=True) | st.sampled_from(["404", "4xx", "5xx"])
lists = st.none() | st.lists(entries, max_size=4)


@for_all(st.lists(st.tuples(lists, lists), max_size=3))
def test_no_status_is_ever_in_both_lists(layers: list[tuple[Any, Any]]) -> None:
    policy = Policy()
    for retry_on, give_up_on in layers:
        if list(conflicts({"retryOn": retry_on, "giveUpOn": give_up_on})):
            continue  # refused
        policy = override(policy, PolicyOverride(retry_on=retry_on, give_up_on=give_up_on))
    assert not set(policy.retry_on) & set(policy.give_up_on)
    assert Policy.from_document(policy.to_document()) == policy


@pytest.mark.parametrize("entry", ["404", "4xx", "3xx", "100", "599"])
def test_a_status_and_a_class_are_valid(entry: str) -> None:
    assert check_status(entry) == entry


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (404, "a string"),
        (None, "a string"),
        (["404"], "a string"),
        ("200", "200 is always a delivery; remove it"),
        ("2xx", "2xx is always a delivery; remove it"),
        *(
            (entry, 'such as "404"')
            for entry in ("", "4", "40", "4x", "40x", "4XX", "xxx", "600", "6xx", "099", "0xx")
        ),
        *(
            (entry, 'such as "404"')
            for entry in ("4040", " 404", "404\n", "\u0664\u0660\u0664", "*")
        ),
    ],
)
def test_what_is_no_status_and_no_class_is_refused_with_the_fix(entry: object, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        check_status(entry)


@pytest.mark.parametrize(
    ("retry_on", "give_up_on", "both"),
    [
        (["404"], ["404"], ["404"]),
        (["404", "4xx"], ["4xx", "503", "4xx"], ["4xx"]),
        (["404"], ["4xx"], []),
        (["404"], [], []),
        ("404", "404", []),  # neither is a list, which is a separate error
        ([["404"], {}], [["404"]], []),
    ],
)
def test_a_status_in_both_lists_is_a_conflict(
    retry_on: Any, give_up_on: Any, both: list[str]
) -> None:
    found = list(conflicts({"retryOn": retry_on, "giveUpOn": give_up_on}))
    assert [(error.field, error.message.split()[0]) for error in found] == [
        ("policy.giveUpOn", entry) for entry in both
    ]


def test_a_schedule_over_a_decorrelated_default_is_jittered_by_addition() -> None:
    default = replace(DEFAULT, jitter=Jitter.DECORRELATED)
    assert override(default, PolicyOverride(schedule=[5])).jitter is Jitter.ADDITIVE


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"base_delay_seconds": 101}, "policy.baseDelaySeconds"),
        ({"max_delay_seconds": 1}, "policy.maxDelaySeconds"),
        ({"base_delay_seconds": 9, "max_delay_seconds": 8}, "policy.baseDelaySeconds"),
        ({"schedule": [1] * 20}, "policy.schedule"),
        ({"schedule": [0], "max_attempts": 2}, "policy.schedule"),
    ],
)
def test_a_policy_that_cannot_be_followed_is_refused(given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidMessageError) as caught:
        override(DEFAULT, PolicyOverride(**given))
    assert [error.field for error in caught.value.errors] == [field]


def test_each_field_that_cannot_stand_beside_a_schedule_is_named() -> None:
    raw = {
        "schedule": [5],
        "preset": "standard-webhooks",
        "baseDelaySeconds": 1,
        "maxDelaySeconds": 1,
        "multiplier": 1,
        "jitter": "decorrelated",
        "maxAttempts": 1,
    }
    assert [error.field for error in conflicts(raw)] == [
        "policy.preset",
        "policy.baseDelaySeconds",
        "policy.maxDelaySeconds",
        "policy.multiplier",
        "policy.jitter",
    ]


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"schedule": [5], "jitter": "full", "maxAttempts": 3},
        {"baseDelaySeconds": 1, "jitter": "decorrelated"},
    ],
)
def test_fields_that_agree_raise_no_conflict(raw: dict[str, Any]) -> None:
    assert list(conflicts(raw)) == []
