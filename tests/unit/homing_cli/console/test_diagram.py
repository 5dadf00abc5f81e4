"""The picture of the state machine: every state and arrow of the definition, nothing on another."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from homing_cli.console.diagram import draw
from homing_cli.console.layout import NODE_HEIGHT, lay_out
from homing_cli.traces.graph import Graph, read_graph

DEFINITION = Path(__file__).resolve().parents[4] / "statemachine" / "delivery.asl.json"
SVG = ""  # inline in a page, so without a namespace


@pytest.fixture(scope="module")
def definition() -> dict[str, object]:
    read: dict[str, object] = json.loads(DEFINITION.read_text())
    return read


@pytest.fixture(scope="module")
def graph(definition: dict[str, object]) -> Graph:
    return read_graph(definition)


def test_every_state_and_every_target_of_the_definition_is_in_the_graph(graph: Graph) -> None:
    text = DEFINITION.read_text()
    assert set(re.findall(r'"(?:Next|Default)": "(\w+)"', text)) == {end for _, end in graph.arrows}
    assert set(graph.kinds) == {name for arrow in graph.arrows for name in arrow}


def test_only_what_a_catch_alone_leads_to_is_for_faults(graph: Graph) -> None:
    assert ("Deliver", "Classify") not in graph.faults
    assert ("Classify", "WhatNext") not in graph.faults
    assert ("ComputeBackoff", "RecordFailure") in graph.faults


def test_no_state_stands_on_another_and_all_stand_in_the_picture(graph: Graph) -> None:
    layout = lay_out(graph)
    for place in layout.nodes.values():
        assert place.x - place.width / 2 >= 0
        assert place.x + place.width / 2 <= layout.width
        assert NODE_HEIGHT / 2 <= place.y <= layout.height - NODE_HEIGHT / 2
    for one, other in combinations(layout.nodes.values(), 2):
        apart = abs(one.x - other.x) >= (one.width + other.width) / 2
        assert apart or abs(one.y - other.y) >= NODE_HEIGHT


def test_all_arrows_lead_down_but_those_to_the_wait(graph: Graph) -> None:
    layout = lay_out(graph)
    assert set(layout.back) == {
        (begin, "WaitUntilDue") for begin in ("StillOurs", "WhatNext", "RecordedByUs")
    }
    for begin, end in set(graph.arrows) - set(layout.back):
        assert layout.nodes[begin].y < layout.nodes[end].y


def test_the_picture_shows_the_way_and_where_it_is(graph: Graph) -> None:
    taken = {("WaitUntilDue", "Deliver"), ("Deliver", "Classify")}
    visited = ["WaitUntilDue", "Deliver", "Classify"]
    svg = ET.fromstring(str(draw(graph, taken, visited, "Deliver")))  # noqa: S314 -- our own
    states = {group.get("data-state"): group.get("class") or "" for group in svg.iter(f"{SVG}g")}
    arrows = {path.get("data-arrow"): path.get("class") or "" for path in svg.iter(f"{SVG}path")}
    assert {name for name, kind in states.items() if "taken" in kind.split()} == set(visited)
    assert [name for name, kind in states.items() if "now" in kind.split()] == ["Deliver"]
    drawn = {name for name, kind in arrows.items() if name and "taken" in kind.split()}
    assert drawn == {"WaitUntilDue Deliver", "Deliver Classify"}
    assert set(states) == set(graph.kinds)
    assert len([name for name in arrows if name]) == len(graph.arrows)
    title = svg.findtext(f"{SVG}title") or ""
    assert "went through WaitUntilDue, Deliver, Classify; it is in Deliver" in title


def test_the_same_definition_always_looks_the_same(definition: dict[str, object]) -> None:
    assert draw(read_graph(definition)) == draw(read_graph(definition))


def test_names_cannot_break_out_of_the_picture() -> None:
    graph = read_graph(
        {
            "StartAt": "<b>&",
            "States": {"<b>&": {"Type": "Pass", "Next": "E"}, "E": {"Type": "Succeed"}},
        }
    )
    svg = ET.fromstring(str(draw(graph)))  # noqa: S314 -- our own
    assert "<b>&" in [text.text for text in svg.iter(f"{SVG}text")]
