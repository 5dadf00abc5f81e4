"""A message's own policy over the default one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from homing.errors import InvalidMessageError
from homing.reception.policy_override import PolicyOverride, conflicts, override
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
                "schedule": PRESETS["standard-webhooks"],
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
