"""A policy as typed by a person, checked by the rules of the API."""

from __future__ import annotations

import pytest

from homing.retry.policy import Jitter, Policy
from homing_cli.what_if.policy_form import PolicyError, read_policy


@pytest.mark.parametrize(
    ("typed", "policy"),
    [
        ({}, Policy()),
        ({"maxAttempts": " 5 ", "jitter": "full"}, Policy(max_attempts=5, jitter=Jitter.FULL)),
        ({"baseDelaySeconds": "0.5"}, Policy(base_delay_seconds=0.5)),
        ({"schedule": "5, 300"}, Policy(max_attempts=3, schedule=(5, 300))),
        (
            {"retryOn": "404, 3xx", "giveUpOn": "503"},
            Policy(retry_on=("404", "3xx"), give_up_on=("503",)),
        ),
        (
            {"schedule": "5", "giveUpOn": "503"},
            Policy(max_attempts=2, schedule=(5,), give_up_on=("503",)),
        ),
        (  # with a schedule, the fields of the formula for delays are ignored
            {"schedule": "5", "baseDelaySeconds": "7", "multiplier": "3"},
            Policy(max_attempts=2, schedule=(5,)),
        ),
    ],
)
def test_what_is_typed_becomes_a_policy(typed: dict[str, str], policy: Policy) -> None:
    assert read_policy(typed) == policy


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ({"maxAttempts": "0"}, "maxAttempts: "),
        ({"maxAttempts": "many"}, "maxAttempts: many is not a number"),
        ({"multiplier": "0"}, "multiplier: "),
        ({"jitter": "much"}, "jitter: "),
        ({"preset": "none-such"}, "preset: is unknown"),
        ({"retryOn": "404,soon"}, "retryOn[1]: must be an HTTP status"),
        ({"retryOn": "2xx"}, "retryOn[0]: 2xx is always a delivery"),
        ({"retryOn": "404", "giveUpOn": "404"}, "giveUpOn: 404 is also in retryOn"),
        ({"schedule": "5,x"}, "schedule: 5,x is not a number"),
        ({"baseDelaySeconds": "10", "maxDelaySeconds": "5"}, "baseDelaySeconds: is above"),
        (
            {"schedule": "1", "preset": "standard-webhooks"},
            "preset: cannot be combined with schedule",
        ),
    ],
)
def test_what_cannot_be_followed_is_named(typed: dict[str, str], complaint: str) -> None:
    with pytest.raises(PolicyError) as caught:
        read_policy(typed)
    assert complaint in str(caught.value)
