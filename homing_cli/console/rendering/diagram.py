"""The picture of the state machine, with the path of a delivery marked.

The picture is `static/state-machine.svg`, drawn by hand. Each state is a `<g>` with its name in
`data-state`, each arrow a `<path>` with its two states in `data-arrow`. A test compares both with
the definition of the state machine. When you change the definition, edit the picture to match.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Collection

    from homing_cli.traces.story import Arrow

PICTURE = Path(__file__).parents[1] / "static" / "state-machine.svg"


def draw(taken: Collection[Arrow] = (), visited: Collection[str] = (), now: str = "") -> Markup:
    """Return the picture of the state machine as SVG, to be put into a page.

    Args:
        taken: the arrows to mark, each by its two states.
        visited: the states to mark, in the order in which the delivery reached them.
        now: the state that the delivery is in, or ended in; empty if it has not started.
    """
    svg = ET.fromstring(PICTURE.read_text())  # noqa: S314 -- our own file
    for title in svg.iter("title"):
        title.text = _in_words(visited, now)
    over_other_arrows = [child.tag for child in svg].index("g") - 1
    for arrow in svg.findall("path"):
        begin, end = arrow.attrib["data-arrow"].split()
        if (begin, end) in taken:
            _add_class(arrow, "taken")
            arrow.set("marker-end", "url(#tip-taken)")
            svg.remove(arrow)
            svg.insert(over_other_arrows, arrow)
    for state in svg.findall("g"):
        name = state.attrib["data-state"]
        if name in visited:
            _add_class(state, "taken")
        if name == now:
            _add_class(state, "now")
    return Markup(ET.tostring(svg, encoding="unicode"))  # noqa: S704 -- ElementTree escapes


def _add_class(element: ET.Element, name: str) -> None:
    element.set("class", f"{element.attrib['class']} {name}")


def _in_words(visited: Collection[str], now: str) -> str:
    if not visited:
        return "The state machine. This delivery has not started."
    return f"The state machine. This delivery passed {', '.join(visited)} and is in {now}."
