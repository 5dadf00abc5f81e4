"""The exceptions of the simulation.

SimulationError
├── UnsupportedError      the simulated code uses a feature that the simulation does not implement
└── NotDeterministicError a handler behaves differently when it is run again

The faults that the simulation injects are in `simulation.engine.faults`.
"""

from __future__ import annotations


class SimulationError(Exception):
    """The base class of errors in the simulation itself."""


class UnsupportedError(SimulationError):
    """Raised when the simulated code uses a feature that the simulation does not implement."""


class NotDeterministicError(SimulationError):
    """Raised when a handler, run again with the same answers, makes a different call."""
