"""The exceptions of the simulation.

SimulationError
├── UnsupportedError      the thing to be simulated uses what the simulation does not implement
├── NotDeterministicError a handler behaved otherwise when it was run again
└── EndlessError          a history did not come to an end

Faults that are part of a history are in `simulation.engine.faults`.
"""

from __future__ import annotations


class SimulationError(Exception):
    """The base of what can be wrong with the simulation itself."""


class UnsupportedError(SimulationError):
    """Raised when a definition or an update uses what the simulation does not implement."""


class NotDeterministicError(SimulationError):
    """Raised when a handler, run again with the same answers, makes another call."""


class EndlessError(SimulationError):
    """Raised when a history goes on beyond any sense: something keeps itself busy."""
