"""The exceptions of the simulation.

SimulationError
├── UnsupportedError      the simulated code uses a feature that the simulation does not implement
└── NotDeterministicError a handler behaves differently when it is replayed

Faults that are part of a history are in `simulation.engine.faults`.
"""

from __future__ import annotations


class SimulationError(Exception):
    """The base class of errors in the simulation itself."""


class UnsupportedError(SimulationError):
    """Raised when the simulated code uses a feature that the simulation does not implement."""


class NotDeterministicError(SimulationError):
    """Raised when a handler that is replayed with the same answers makes a different call."""
