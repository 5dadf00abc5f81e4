"""The picture of the state machine agrees with the definition, and marks a delivery's path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from homing_cli.console.rendering.diagram import PICTURE, draw

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFINITION = Path(__file__).resolve().parents[5] / "statemachine" / "delivery.asl.json"
DRAW_AGAIN = (
    f"{PICTURE.name} does not show statemachine/delivery.asl.json: add, move or remove its <g> "
    "and <path> elements by hand, and look at the page of a delivery in the console"
)


@pytest.fixture(scope="module")
def states() -> Mapping[str, Any]:
    read: dict[str, Any] = json.loads(DEFINITION.read_text())["States"]
    return read


@pytest.fixture(scope="module")
def picture() -> ET.Element:
    return ET.fromstring(PICTURE.read_text())  # noqa: S314 -- our own


def drawn(svg: ET.Element, attribute: str) -> dict[str, set[str]]:
    """Return the CSS classes of each state or arrow in the picture."""
    found = [element for element in svg if attribute in element.attrib]
    names = [element.attrib[attribute] for element in found]
    assert len(names) == len(set(names))
    return {each.attrib[attribute]: set(each.attrib["class"].split()) for each in found}


def test_the_picture_has_the_states_of_the_definition_each_of_its_type(
    states: Mapping[str, Any], picture: ET.Element
) -> None:
    expected = {name: {"state", state["Type"].lower()} for name, state in states.items()}
    assert drawn(picture, "data-state") == expected, DRAW_AGAIN
    assert {group.findtext("text") for group in picture.findall("g")} == set(states), DRAW_AGAIN


def test_the_picture_has_the_arrows_of_the_definition_dashed_where_only_a_fault_takes_them(
    states: Mapping[str, Any], picture: ET.Element
) -> None:
    regular, caught = set(), set()
    for name, state in states.items():
        ends = [choice["Next"] for choice in state.get("Choices", [])]
        ends += [state[key] for key in ("Default", "Next") if key in state]
        regular |= {f"{name} {end}" for end in ends}
        caught |= {f"{name} {catch['Next']}" for catch in state.get("Catch", [])}
    expected = {arrow: {"arrow"} for arrow in regular}
    expected |= {arrow: {"arrow", "fault"} for arrow in caught - regular}
    assert drawn(picture, "data-arrow") == expected, DRAW_AGAIN


def test_no_state_is_drawn_over_another_or_outside_the_picture(picture: ET.Element) -> None:
    _, _, width, height = map(float, picture.attrib["viewBox"].split())
    boxes = []
    for rectangle in picture.iter("rect"):
        x, y, w, h = (float(rectangle.attrib[name]) for name in ("x", "y", "width", "height"))
        assert x >= 0
        assert y >= 0
        assert x + w <= width
        assert y + h <= height
        for left, top, right, bottom in boxes:
            assert x >= right or x + w <= left or y >= bottom or y + h <= top
        boxes.append((x, y, x + w, y + h))


def test_the_picture_shows_the_way_and_where_it_is() -> None:
    taken = {("WaitUntilDue", "Deliver"), ("Deliver", "Classify")}
    visited = ["WaitUntilDue", "Deliver", "Classify"]
    svg = ET.fromstring(str(draw(taken, visited, "Deliver")))  # noqa: S314 -- our own
    places, arrows = drawn(svg, "data-state"), drawn(svg, "data-arrow")
    assert {name for name, kinds in places.items() if "taken" in kinds} == set(visited)
    assert [name for name, kinds in places.items() if "now" in kinds] == ["Deliver"]
    marked = {name for name, kinds in arrows.items() if "taken" in kinds}
    assert marked == {"WaitUntilDue Deliver", "Deliver Classify"}
    title = svg.findtext("title") or ""
    assert "passed WaitUntilDue, Deliver, Classify and is in Deliver" in title


def test_a_delivery_that_has_not_started_marks_nothing() -> None:
    svg = ET.fromstring(str(draw()))  # noqa: S314 -- our own
    for kinds in (*drawn(svg, "data-state").values(), *drawn(svg, "data-arrow").values()):
        assert not kinds & {"taken", "now"}
