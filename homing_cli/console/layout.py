"""Places for the nodes of a graph: layer by layer from the top, with few crossings.

The usual four steps (Sugiyama): arrows that lead back are set aside, each node gets the layer of
its longest way from the start, arrows over several layers are given bends in between, and each
layer is put in order and in place by its neighbours. The same graph always looks the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from homing_cli.traces.graph import Arrow, Graph

NODE_HEIGHT = 34
_LAYER_STEP = 66
_GAP = 26
_BEND_WIDTH = 8
_CHARACTER = 7.6
_PADDING = 28
_SWEEPS = 12
_MARGIN = 12
_LANE = 36  # left and right, for arrows that lead back

Layers = list[list[str]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node stands: its centre and its width."""

    x: float
    y: float
    width: float


@dataclass(frozen=True, slots=True)
class Layout:
    """A graph laid out.

    Args:
        nodes: the place of each.
        bends: the points that an arrow passes between its two nodes.
        back: the arrows that lead back up, each with the x at which it climbs.
        width: of the whole.
        height: of the whole.
    """

    nodes: Mapping[str, Place]
    bends: Mapping[Arrow, tuple[Place, ...]]
    back: Mapping[Arrow, float]
    width: float
    height: float


def lay_out(graph: Graph) -> Layout:
    """Lay a graph out."""
    back = _leading_back(graph)
    forward = [arrow for arrow in graph.arrows if arrow not in back]
    layer = _layers(graph, forward)
    chains = {arrow: _chain(arrow, layer) for arrow in forward}
    links = [pair for chain in chains.values() for pair in pairwise(chain)]
    ordered = _in_order(_rows(layer, chains.values()), links)
    places = _in_place(ordered, links)
    right = max(place.x + place.width / 2 for place in places.values())
    lanes = (_LANE / 2, right + _LANE / 2)
    return Layout(
        nodes={name: place for name, place in places.items() if name in graph.kinds},
        bends={arrow: tuple(places[n] for n in chain[1:-1]) for arrow, chain in chains.items()},
        back={arrow: lanes[_is_freer_right(arrow, ordered)] for arrow in back},
        width=right + _LANE,
        height=len(ordered) * _LAYER_STEP - (_LAYER_STEP - NODE_HEIGHT) + 2 * _MARGIN,
    )


def _is_freer_right(arrow: Arrow, rows: Layers) -> bool:
    """Tell on which side fewer nodes stand in the way of an arrow back."""
    left = right = 0
    for row in rows:
        for name in set(arrow) & set(row):
            left += row.index(name)
            right += len(row) - row.index(name) - 1
    return right < left


def _leading_back(graph: Graph) -> set[Arrow]:
    """Find the arrows to a state that is on the way already, by going depth first."""
    back: set[Arrow] = set()
    done: set[str] = set()

    def go(state: str, way: tuple[str, ...]) -> None:
        for following in graph.after(state):
            if following in way:
                back.add((state, following))
            elif following not in done:
                go(following, (*way, following))
        done.add(state)

    go(graph.start, (graph.start,))
    return back


def _layers(graph: Graph, forward: Iterable[Arrow]) -> dict[str, int]:
    arrows = list(forward)
    layer = dict.fromkeys(graph.kinds, 0)
    for _ in layer:  # no way is longer than there are states
        for begin, end in arrows:
            layer[end] = max(layer[end], layer[begin] + 1)
    return layer


def _chain(arrow: Arrow, layer: Mapping[str, int]) -> list[str]:
    begin, end = arrow
    bends = [f"{begin}>{end}>{number}" for number in range(layer[begin] + 1, layer[end])]
    return [begin, *bends, end]


def _rows(layer: Mapping[str, int], chains: Iterable[Sequence[str]]) -> Layers:
    rows: Layers = [[] for _ in range(max(layer.values()) + 1)]
    for name, number in layer.items():
        rows[number].append(name)
    for chain in chains:
        for number, bend in enumerate(chain[1:-1], start=layer[chain[0]] + 1):
            rows[number].append(bend)
    return rows


def _neighbours(links: Iterable[Arrow]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for begin, end in links:
        below.setdefault(begin, []).append(end)
        above.setdefault(end, []).append(begin)
    return above, below


def _in_order(rows: Layers, links: Sequence[Arrow]) -> Layers:
    """Order each layer by where its neighbours stand, down and up again, and keep the best."""
    above, below = _neighbours(links)
    best, fewest = rows, _crossings(rows, links)
    for sweep in range(_SWEEPS):
        beside = above if sweep % 2 == 0 else below
        rows = _sorted_by(rows, beside, downward=sweep % 2 == 0)
        if (crossings := _crossings(rows, links)) < fewest:
            best, fewest = rows, crossings
    return best


def _sorted_by(rows: Layers, beside: Mapping[str, list[str]], *, downward: bool) -> Layers:
    made = [list(row) for row in rows]
    numbers = range(1, len(rows)) if downward else range(len(rows) - 2, -1, -1)
    for number in numbers:
        fixed = {name: at for at, name in enumerate(made[number - 1 if downward else number + 1])}
        stands = {name: at for at, name in enumerate(made[number])}
        made[number].sort(key=lambda name: _mean(fixed, beside.get(name, []), stands[name]))
    return made


def _mean(at: Mapping[str, float], names: Sequence[str], otherwise: float) -> float:
    return sum(at[name] for name in names) / len(names) if names else otherwise


def _crossings(rows: Layers, links: Iterable[Arrow]) -> int:
    at = {
        name: (number, place) for number, row in enumerate(rows) for place, name in enumerate(row)
    }
    between: dict[int, list[tuple[int, int]]] = {}
    for begin, end in links:
        between.setdefault(at[begin][0], []).append((at[begin][1], at[end][1]))
    return sum(
        (one[0] - other[0]) * (one[1] - other[1]) < 0
        for pairs in between.values()
        for number, one in enumerate(pairs)
        for other in pairs[:number]
    )


def _in_place(rows: Layers, links: Sequence[Arrow]) -> dict[str, Place]:
    """Pull each node towards the middle of its neighbours, without overlaps."""
    above, below = _neighbours(links)
    x = {name: at for row in rows for name, at in _packed(row, dict.fromkeys(row, 0.0)).items()}
    for sweep in range(_SWEEPS):
        numbers = range(len(rows)) if sweep % 2 == 0 else range(len(rows) - 1, -1, -1)
        for number in numbers:
            row = rows[number]
            wanted = {
                name: _mean(x, above.get(name, []) + below.get(name, []), x[name]) for name in row
            }
            x |= _packed(row, wanted)
    left = min(x[name] - _width(name) / 2 for name in x)
    return {
        name: Place(
            round(x[name] - left + _LANE, 1),
            number * _LAYER_STEP + NODE_HEIGHT / 2 + _MARGIN,
            _width(name),
        )
        for number, row in enumerate(rows)
        for name in row
    }


def _packed(row: Sequence[str], wanted: Mapping[str, float]) -> dict[str, float]:
    """Place a layer's nodes near where they want to be: the middle of two one-sided placings."""
    rightward: dict[str, float] = {}
    edge = float("-inf")
    for name in row:
        rightward[name] = max(wanted[name], edge + _width(name) / 2)
        edge = rightward[name] + _width(name) / 2 + _GAP
    leftward: dict[str, float] = {}
    edge = float("inf")
    for name in reversed(row):
        leftward[name] = min(wanted[name], edge - _width(name) / 2)
        edge = leftward[name] - _width(name) / 2 - _GAP
    return {name: (rightward[name] + leftward[name]) / 2 for name in row}


def _width(name: str) -> float:
    return _BEND_WIDTH if ">" in name else round(len(name) * _CHARACTER + _PADDING)
