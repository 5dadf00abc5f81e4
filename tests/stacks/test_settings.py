"""The settings: which values of context are valid, and the errors for all others."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from homing.retry.policy import PRESETS, Policy
from stacks.settings import InvalidSettingsError, StackSettings
from tools.settings_table import settings_table

PROJECT = Path(__file__).resolve().parents[2]


def test_without_context_every_setting_has_its_default() -> None:
    settings = StackSettings.from_context({})
    assert settings.stack_id == "Homing"
    assert settings.deletion_protection
    assert settings.alarm_email is None


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("stage", "test-2", "test-2"),
        ("maxAttempts", "20", 20),
        ("baseDelaySeconds", "0.25", 0.25),
        ("multiplier", "1.5", 1.5),
        ("maxDelaySeconds", "31536000", 31_536_000),
        ("jitter", "decorrelated", "decorrelated"),
        ("retryAfterCeilingSeconds", "0", 0),
        ("attemptTimeoutSeconds", "60", 60),
        ("retentionDays", "1", 1),
        ("dispatchConcurrency", "1000", 1000),
        ("deletionProtection", "false", False),
        ("alarmEmail", "ops@example.com", "ops@example.com"),
        ("logLevel", "WARNING", "WARNING"),
        ("logRetentionDays", "3653", 3653),
        ("preset", "standard-webhooks", "standard-webhooks"),
        ("schedule", "5,300,3600", "5,300,3600"),
        ("retryOn", "404, 3xx", "404, 3xx"),
        ("giveUpOn", "503", "503"),
        ("terminationProtection", "true", True),
        ("powertoolsLayer", "none", "none"),
        ("powertoolsLayer", "built", "built"),
        ("signingLayer", "built", "built"),
    ],
)
def test_a_value_given_on_the_command_line_is_text_and_is_read_as_what_it_means(
    key: str, text: str, value: Any
) -> None:
    settings = StackSettings.from_context({key: text})
    assert settings.model_dump(by_alias=True)[key] == value


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("stage", "Prod"),
        ("stage", "a-stage-name-of-21-ch"),
        ("stage", ""),
        ("maxAttempts", "0"),
        ("maxAttempts", "21"),
        ("maxAttempts", "three"),
        ("maxAttempts", "2.5"),
        ("baseDelaySeconds", "-1"),
        ("baseDelaySeconds", "nan"),
        ("baseDelaySeconds", "inf"),
        ("multiplier", "0.5"),
        ("multiplier", "101"),
        ("maxDelaySeconds", "31536001"),
        ("maxDelaySeconds", "0.5"),
        ("jitter", "some"),
        ("preset", "often"),
        ("schedule", "5,soon"),
        ("schedule", "5,-1"),
        ("schedule", "31536001"),
        ("retryOn", "2xx"),
        ("retryOn", "404 409"),
        ("giveUpOn", "4XX"),
        ("giveUpOn", ",".join(str(400 + n) for n in range(51))),
        ("retryAfterCeilingSeconds", "-1"),
        ("attemptTimeoutSeconds", "0"),
        ("attemptTimeoutSeconds", "61"),
        ("retentionDays", "0"),
        ("acceptConcurrency", "-1"),
        ("acceptConcurrency", "1001"),
        ("dispatchConcurrency", "1"),
        ("dispatchConcurrency", "1001"),
        ("deletionProtection", "perhaps"),
        ("alarmEmail", "ops"),
        ("alarmEmail", ""),
        ("logLevel", "LOUD"),
        ("logRetentionDays", "31"),
        ("powertoolsLayer", "latest"),
        ("signingLayer", "published"),
        ("powertoolsLayer", "arn:aws:lambda:eu-west-1:1:layer:Mine"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_its_key_with_what_it_may_be(
    key: str, value: str
) -> None:
    with pytest.raises(InvalidSettingsError) as refused:
        StackSettings.from_context({key: value})
    (line,) = [line for line in str(refused.value).splitlines() if line.startswith(f"  {key}: ")]
    assert repr(value) in line
    assert "is not valid; use " in line
    assert "(default " in line


@pytest.mark.parametrize(
    ("context", "waits", "attempts"),
    [
        ({}, (), 3),
        ({"preset": "standard-webhooks"}, PRESETS["standard-webhooks"].schedule[1:], 10),
        (
            {"preset": "standard-webhooks", "maxAttempts": "4"},
            PRESETS["standard-webhooks"].schedule[1:],
            4,
        ),
        ({"schedule": "5, 300"}, (5, 300), 3),
        ({"schedule": "0,5,300,0.5"}, (5, 300, 0.5), 4),
    ],
)
def test_a_schedule_of_the_stack_is_followed_once_where_nothing_else_is_said(
    context: dict[str, str], waits: tuple[float, ...], attempts: int
) -> None:
    policy = StackSettings.from_context(context).policy
    assert (policy.waits, policy.max_attempts) == (waits, attempts)


@pytest.mark.parametrize(
    ("context", "retry_on", "give_up_on"),
    [
        ({}, (), ()),
        ({"retryOn": "404, 3xx", "giveUpOn": "503"}, ("404", "3xx"), ("503",)),
        ({"preset": "standard-webhooks"}, ("3xx", "4xx", "5xx"), ()),
        (
            {"preset": "standard-webhooks", "giveUpOn": "404,3xx"},
            ("4xx", "5xx"),
            ("404", "3xx"),
        ),
        ({"preset": "standard-webhooks", "retryOn": ""}, (), ()),
    ],
)
def test_the_stack_names_statuses_that_override_the_table(
    context: dict[str, str], retry_on: tuple[str, ...], give_up_on: tuple[str, ...]
) -> None:
    policy = StackSettings.from_context(context).policy
    assert (policy.retry_on, policy.give_up_on) == (retry_on, give_up_on)


@pytest.mark.parametrize(
    ("context", "problem"),
    [
        ({"preset": "standard-webhooks", "schedule": "5"}, "  preset: cannot be combined with"),
        ({"schedule": "5", "multiplier": "3"}, "  multiplier: cannot be combined with schedule"),
        (
            {"schedule": "5", "jitter": "decorrelated"},
            "  jitter: decorrelated cannot be combined with schedule",
        ),
        ({"schedule": ",".join(["5"] * 20)}, "  schedule: makes 21 attempts; at most 20"),
        ({"schedule": "0", "maxAttempts": "2"}, "  schedule: has no wait"),
        ({"retryOn": "404", "giveUpOn": "5xx,404"}, "  giveUpOn: 404 is also in retryOn; remove"),
    ],
)
def test_settings_of_the_policy_that_cannot_stand_together_are_refused_at_synth(
    context: dict[str, str], problem: str
) -> None:
    with pytest.raises(InvalidSettingsError) as refused:
        StackSettings.from_context(context)
    assert problem in str(refused.value)


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(InvalidSettingsError) as refused:
        StackSettings.from_context({"maxAttempts": "0", "jitter": "some", "retention": "3"})
    keys = [line.partition(":")[0].strip() for line in str(refused.value).splitlines()[1:]]
    assert keys == ["maxAttempts", "jitter", "retention"]


@pytest.mark.parametrize(
    ("unknown", "meant"),
    [("maxAttemps", "maxAttempts"), ("max_attempts", "maxAttempts"), ("Stage", "stage")],
)
def test_a_key_that_is_no_setting_is_refused_with_the_nearest_that_is(
    unknown: str, meant: str
) -> None:
    with pytest.raises(
        InvalidSettingsError, match=rf"{unknown}: no such setting; did you mean {meant}\?"
    ):
        StackSettings.from_context({unknown: "1"})


@pytest.mark.parametrize(
    "key",
    [
        "@aws-cdk/core:checkSecretUsage",
        "aws:cdk:enable-path-metadata",
        "availability-zones:account=1:region=eu-west-1",
        "acknowledged-issue-numbers",
    ],
)
def test_keys_of_other_tools_are_ignored(key: str) -> None:
    assert StackSettings.from_context({key: True}) == StackSettings()


def test_a_base_delay_above_the_default_cap_is_refused_by_the_key_that_must_follow() -> None:
    with pytest.raises(InvalidSettingsError, match="maxDelaySeconds: 3600 is not valid"):
        StackSettings.from_context({"baseDelaySeconds": "5000"})
    settings = StackSettings.from_context({"baseDelaySeconds": "5000", "maxDelaySeconds": "5000"})
    assert settings.policy.max_delay_seconds == 5000


def test_a_stage_names_the_stack_and_the_metrics() -> None:
    settings = StackSettings.from_context({"stage": "test"})
    assert settings.stack_id == "Homing-test"


def test_the_page_on_operations_lists_the_settings_as_they_are() -> None:
    """After a change, copy the output of `python -m tools.settings_table` between the two marks."""
    page = (PROJECT / "docs" / "operations.md").read_text()
    listed = page.partition("<!-- settings -->\n")[2].partition("<!-- /settings -->")[0]
    assert listed == settings_table()


def test_the_page_of_the_retry_policy_names_those_that_the_stack_has() -> None:
    page = (PROJECT / "docs" / "retry-policy.md").read_text()
    table = page.split("where it can be set")[1].split("\n\n")[0]
    rows = re.findall(r"^\| (\w+) \| [^|]+ \| ([a-z, ]+) \|", table, re.MULTILINE)
    of_stack = {name for name, where in rows if "stack" in where.split(", ")}
    keys = {str(field.alias) for field in StackSettings.model_fields.values()}
    assert of_stack == keys & {name for name, _ in rows}
    assert of_stack == Policy().to_document().keys() | {"preset"}
