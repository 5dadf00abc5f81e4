"""docs/retry-policy.md agrees with the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from homing.reception.request_model import PolicyRequest
from homing.retry import backoff
from homing.retry.classification import ERROR_RULES, STATUS_RULES
from homing.retry.policy import PRESETS, Jitter, Policy

PAGE = (Path(__file__).parents[3] / "docs" / "retry-policy.md").read_text()


def table(heading: str) -> list[tuple[str, ...]]:
    """Return the rows of the table whose first column has this heading."""
    lines = PAGE.splitlines()
    start = next(
        n
        for n, line in enumerate(lines)
        if line.startswith(f"| {heading} |") and lines[n + 1].startswith("|--")
    )
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(tuple(cell.strip() for cell in line.strip("|").split("|")))
    return rows


def test_the_table_of_statuses_is_the_rules_in_their_order() -> None:
    assert table("HTTP status") == [
        (
            str(rule.first) if rule.first == rule.last else f"{rule.first}-{rule.last}",
            rule.decision,
            rule.category,
        )
        for rule in STATUS_RULES
    ]


def test_the_table_of_stages_is_the_rules() -> None:
    assert table("stage") == [(kind, *rule) for kind, rule in ERROR_RULES.items()]


def test_every_jitter_strategy_has_its_formula_on_the_page_as_in_the_module() -> None:
    rows = table("jitter")
    assert [name for name, _ in rows] == list(Jitter)
    for name, formula in rows:
        assert f"{name:<14}{formula}\n" in (backoff.__doc__ or "")


def test_the_formula_of_the_delay_is_the_modules() -> None:
    start = PAGE.index("exponentialDelay = ")
    for line in PAGE[start : PAGE.index("```", start)].strip().splitlines():
        assert line in (backoff.__doc__ or "")


def test_the_defaults_are_the_policys() -> None:
    documented = {name: default for name, default, _, _ in table("setting")}
    document = Policy().to_document() | {"preset": None}
    assert documented == {
        name: "null" if value is None else str(value) for name, value in document.items()
    }


def test_a_setting_of_endpoints_and_messages_is_one_that_a_request_may_have() -> None:
    settable = {name for name, _, where, _ in table("setting") if "endpoint, message" in where}
    assert settable == {str(field.alias) for field in PolicyRequest.model_fields.values()}


def test_every_preset_is_listed_with_its_waits_and_statuses() -> None:
    assert table("preset") == [
        (name, ", ".join(map(str, preset.schedule)), ", ".join(preset.retry_on))
        for name, preset in PRESETS.items()
    ]


@pytest.mark.parametrize("schedule", [(0, 5, 300), (5, 300)])
def test_a_leading_0_of_a_schedule_is_the_first_attempt(schedule: tuple[float, ...]) -> None:
    assert Policy(schedule=schedule).waits == (5, 300)
