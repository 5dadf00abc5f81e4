"""The static check finds errors for which AWS would refuse the definition."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tools.static_check import check, find_problems

if TYPE_CHECKING:
    from collections.abc import Callable

DEFINITION = Path(__file__).resolve().parents[3] / "statemachine" / "delivery.asl.json"


@pytest.fixture
def definition() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(DEFINITION.read_text())
    return read


def test_the_delivery_workflow_has_no_problems() -> None:
    check([str(DEFINITION)])


def lead_nowhere(states: dict[str, Any]) -> None:
    states["Deliver"]["Next"] = "Nowhere"


def misspell_a_type(states: dict[str, Any]) -> None:
    states["Classify"]["Type"] = "Tsak"


def break_an_expression(states: dict[str, Any]) -> None:
    states["RecordRetry"]["Catch"][0]["Output"] = "{% $merge([$states.input $states.input]) %}"


def wait_for_no_time(states: dict[str, Any]) -> None:
    states["WaitUntilDue"]["Timestamp"] = "tomorrow"


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lead_nowhere, 'No state found named "Nowhere"'),
        (misspell_a_type, 'Type is "Tsak"'),
        (break_an_expression, "RecordRetry.Catch[0].Output is not valid JSONata"),
        (wait_for_no_time, 'Timestamp is "tomorrow"'),
    ],
)
def test_harm_is_found_and_named(
    definition: dict[str, Any], harm: Callable[[dict[str, Any]], None], told: str
) -> None:
    harm(definition["States"])
    assert any(told in problem for problem in find_problems(definition))


def test_the_command_names_the_file_and_exits_1(tmp_path: Path) -> None:
    broken = tmp_path / "broken.asl.json"
    broken.write_text('{"StartAt": "A", "States": {}}')
    with pytest.raises(SystemExit, match=str(broken)):
        check([str(broken)])
