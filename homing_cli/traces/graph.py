"""The states of a definition and the arrows between them, read from Amazon States Language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Arrow = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Graph:
    """States and arrows, in the order of the definition.

    Args:
        start: the first state.
        kinds: the type of each state.
        arrows: the arrows; each pair of states once.
        faults: those arrows that only a fault takes.
    """

    start: str
    kinds: Mapping[str, str]
    arrows: tuple[Arrow, ...]
    faults: frozenset[Arrow]

    def after(self, state: str) -> list[str]:
        """Give the states that can follow, in order."""
        return [end for begin, end in self.arrows if begin == state]


def read_graph(definition: Mapping[str, Any]) -> Graph:
    """Read a state machine definition without parallel branches or maps."""
    states: Mapping[str, Any] = definition["States"]
    regular = [(name, end) for name, state in states.items() for end in _regular(state)]
    caught = [(name, end) for name, state in states.items() for end in _caught(state)]
    return Graph(
        start=definition["StartAt"],
        kinds={name: state["Type"] for name, state in states.items()},
        arrows=tuple(dict.fromkeys(regular + caught)),
        faults=frozenset(caught) - frozenset(regular),
    )


def _regular(state: Mapping[str, Any]) -> Iterator[str]:
    yield from (choice["Next"] for choice in state.get("Choices", []))
    yield from (state[name] for name in ("Default", "Next") if name in state)


def _caught(state: Mapping[str, Any]) -> Iterator[str]:
    yield from (catch["Next"] for catch in state.get("Catch", []))
