"""The faster emulator behaves as before."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFINITION = Path(__file__).parents[4] / "statemachine" / "delivery.asl.json"
EXPRESSIONS = sorted(set(re.findall(r'"\{% (.*?) %\}"', DEFINITION.read_text())))

pytestmark = pytest.mark.slow  # it loads the emulator


@pytest.fixture(scope="module")
def stepfunctions() -> Any:
    """The emulator's module; it loads slowly, so not when tests are collected."""
    return importlib.import_module("ministack.services.stepfunctions")


def values(stepfunctions: Any) -> dict[tuple[str, int], str]:
    """Return the value or the error of each expression in the definition, for two inputs."""

    def evaluated(expression: str, attempts: int) -> str:
        outcome = {"fallback": {"status": "FAILED"}, "responseTime": attempts}
        given = {"attempts": attempts, "reference": {"deliveryId": "d"}, "outcome": outcome}
        text = json.loads(f'"{expression}"')
        try:
            return json.dumps(stepfunctions._evaluate_jsonata(text, given, {}, given))
        except stepfunctions._ExecutionError as error:
            return str(error)

    return {(one, number): evaluated(one, number) for one in EXPRESSIONS for number in (1, 2)}


@pytest.fixture
def before(stepfunctions: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[Any, str]]:
    """The values before the emulator is made faster, which it is from here on."""
    speed = importlib.import_module("homing_cli.local.emulator_speed")
    monkeypatch.setattr(speed.Parser, "parse", speed.Parser.parse)
    code = stepfunctions._run_execution.__code__
    assert speed.PAUSE in code.co_consts
    found = values(stepfunctions)
    speed.install()
    yield found
    stepfunctions._run_execution.__code__ = code


def test_an_expression_that_was_parsed_before_has_the_value_that_it_has_anew(
    stepfunctions: Any, before: dict[Any, str]
) -> None:
    assert [values(stepfunctions), values(stepfunctions)] == [before, before]
    assert len(set(before.values())) > len(EXPRESSIONS) / 2


def test_an_execution_does_not_pause_before_its_first_state(
    stepfunctions: Any, before: dict[Any, str]
) -> None:
    assert 0.15 not in stepfunctions._run_execution.__code__.co_consts
