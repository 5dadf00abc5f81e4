"""Plans, which decide which calls have faults: at random, or from a list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from simulation.engine.faults import Fault, FaultKind

if TYPE_CHECKING:
    from collections.abc import Mapping

_DELAYS: Final = (700, 3_000, 20_000, 90_000)
STOP_DELAYS: Final = (8, 25, 700, 20_000)
_DELAYED: Final = frozenset({FaultKind.LATE, FaultKind.STALL_BEFORE, FaultKind.STALL_AFTER})
_BITS: Final = 32
# How many bits of a draw decide whether there is a fault; the other bits decide which fault it is.
_RATE_BITS: Final = 16


def with_delay(kind: FaultKind, choice: int) -> Fault:
    """Return a fault of this kind. If the kind has a delay, `choice` selects it."""
    if kind is FaultKind.STOPPED_LATER:
        return Fault(kind, STOP_DELAYS[choice % len(STOP_DELAYS)])
    return Fault(kind, _DELAYS[choice % len(_DELAYS)]) if kind in _DELAYED else Fault(kind)


class Listed:
    """A plan in which the listed calls, and no others, have faults. Calls are listed by label.

    Attributes:
        met: the faults that have happened.
    """

    def __init__(self, faults: Mapping[str, Fault]) -> None:
        self._faults = faults
        self.met: dict[str, Fault] = {}

    def fault_at(self, label: str, kinds: tuple[FaultKind, ...], draw: int) -> Fault | None:
        """Return the fault of a call, if any."""
        del kinds, draw
        fault = self._faults.get(label)
        if fault is not None:
            self.met[label] = fault
        return fault


class AtRandom:
    """A plan in which each call has a fault with the same probability.

    After `most` faults, no more happen.

    Attributes:
        met: the faults that have happened. A `Listed` plan with these faults repeats the run.
    """

    def __init__(self, probability: float, most: int) -> None:
        self._threshold = int(probability * (1 << _RATE_BITS))
        self._most = most
        self.met: dict[str, Fault] = {}

    def fault_at(self, label: str, kinds: tuple[FaultKind, ...], draw: int) -> Fault | None:
        """Return the fault of a call, if any; `draw` is 32 random bits."""
        if draw >> (_BITS - _RATE_BITS) >= self._threshold or len(self.met) >= self._most:
            return None
        rest = draw & ((1 << (_BITS - _RATE_BITS)) - 1)
        fault = with_delay(kinds[rest % len(kinds)], rest // len(kinds))
        self.met[label] = fault
        return fault


class Census(Listed):
    """A plan like `Listed`, which also collects all other calls and the faults they could have.

    Attributes:
        boundaries: the label of every call without a fault, with the kinds of faults that it could
            have.
    """

    def __init__(self, faults: Mapping[str, Fault] | None = None) -> None:
        super().__init__(faults or {})
        self.boundaries: dict[str, tuple[FaultKind, ...]] = {}

    def fault_at(self, label: str, kinds: tuple[FaultKind, ...], draw: int) -> Fault | None:
        """Return the fault of a call; if it has none, add the call to `boundaries`."""
        fault = super().fault_at(label, kinds, draw)
        if fault is None:
            self.boundaries[label] = kinds
        return fault
