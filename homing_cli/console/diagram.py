"""The state machine as an SVG picture, with the way that a delivery has taken."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from homing_cli.console.layout import NODE_HEIGHT, Layout, Place, lay_out

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from homing_cli.traces.graph import Arrow, Graph

_RADIUS = {"Succeed": 17, "Fail": 17, "Choice": 4}
_BEND = 14


def draw(
    graph: Graph, taken: Collection[Arrow] = (), visited: Collection[str] = (), now: str = ""
) -> Markup:
    """Draw the graph.

    Args:
        graph: what to draw.
        taken: the arrows taken, drawn strong.
        visited: the states that the delivery went through.
        now: the state that it is in, or ended in; empty where it has not started.
    """
    layout = lay_out(graph)
    parts = [*_arrows(graph, layout, taken), *_nodes(graph, layout, visited, now)]
    size = f"{layout.width:.0f} {layout.height:.0f}"
    words = _in_words(visited, now)
    return Markup(  # noqa: S704 -- every text in it went through `escape`
        f'<svg class="machine" viewBox="0 0 {size}" role="img" aria-labelledby="machine-title">'
        f'<title id="machine-title">{escape(words)}</title>'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7"'
        ' markerHeight="7" orient="auto"><path class="tip" d="M0 0.8 7.2 4 0 7.2z"/></marker>'
        '<marker id="tip-taken" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6"'
        ' markerHeight="6" orient="auto"><path class="tip taken" d="M0 0.8 7.2 4 0 7.2z"/></marker>'
        "</defs>" + "".join(parts) + "</svg>"
    )


def _in_words(visited: Collection[str], now: str) -> str:
    if not visited:
        return "The state machine; this delivery has not started."
    return f"The state machine; this delivery went through {', '.join(visited)}; it is in {now}."


def _arrows(graph: Graph, layout: Layout, taken: Collection[Arrow]) -> Iterator[str]:
    for arrow in sorted(graph.arrows, key=lambda one: one in taken):
        classes = ["arrow"]
        classes += ["fault"] if arrow in graph.faults else []
        classes += ["taken"] if arrow in taken else []
        tip = "tip-taken" if arrow in taken else "tip"
        way = _back(layout, arrow) if arrow in layout.back else _down(layout, arrow)
        begin, end = map(escape, arrow)
        yield (
            f'<path class="{" ".join(classes)}" d="{way}" marker-end="url(#{tip})"'
            f' data-arrow="{begin} {end}"/>'
        )


def _nodes(graph: Graph, layout: Layout, visited: Collection[str], now: str) -> Iterator[str]:
    for name, place in layout.nodes.items():
        kind = graph.kinds[name]
        classes = ["state", kind.lower()]
        classes += ["taken"] if name in visited else []
        classes += ["now"] if name == now else []
        left, top = place.x - place.width / 2, place.y - NODE_HEIGHT / 2
        yield (
            f'<g class="{" ".join(classes)}" data-state="{escape(name)}">'
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{place.width}" height="{NODE_HEIGHT}"'
            f' rx="{_RADIUS.get(kind, 8)}"/>'
            f'<text x="{place.x:.1f}" y="{place.y + 4.5:.1f}">{escape(name)}</text></g>'
        )


def _down(layout: Layout, arrow: Arrow) -> str:
    """Go from the bottom of one node through the bends to the top of the other, in curves."""
    begin, end = (layout.nodes[name] for name in arrow)
    points = [(_leaving(begin, end), begin.y + NODE_HEIGHT / 2)]
    for bend in layout.bends[arrow]:
        points += [(bend.x, bend.y - NODE_HEIGHT / 2), (bend.x, bend.y + NODE_HEIGHT / 2)]
    points.append((_leaving(end, begin), end.y - NODE_HEIGHT / 2 - 1))
    way = "M{:.1f} {:.1f}".format(*points[0])
    for (x, y), (to_x, to_y) in pairwise(points):
        middle = (y + to_y) / 2
        way += f" C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}"
    return way


def _leaving(place: Place, towards: Place) -> float:
    """Leave a node a little to the side of where the arrow goes."""
    reach = place.width / 4
    return place.x + max(-reach, min(reach, (towards.x - place.x) / 6))


def _back(layout: Layout, arrow: Arrow) -> str:
    """Go around the rest, from side to side."""
    begin, end = (layout.nodes[name] for name in arrow)
    express_path = layout.back[arrow]
    side = 1 if express_path > begin.x else -1
    out, into = begin.x + side * begin.width / 2, end.x + side * (end.width / 2 + 1)
    bend = express_path - side * _BEND
    return (
        f"M{out:.1f} {begin.y:.1f} H{bend:.1f} Q{express_path:.1f} {begin.y:.1f} {express_path:.1f}"
        f" {begin.y - _BEND:.1f} V{end.y + _BEND:.1f} Q{express_path:.1f} {end.y:.1f} {bend:.1f}"
        f" {end.y:.1f} H{into:.1f}"
    )
