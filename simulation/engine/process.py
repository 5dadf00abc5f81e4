"""Processes, and what they can ask of the scheduler: a call, a wait, or a join."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


@dataclass(frozen=True, slots=True)
class Call:
    """A call to a service.

    Args:
        operation: `service.operation`.
        arguments: the arguments of the call.
        timeout: how long the caller waits for an answer that does not come, in milliseconds.
    """

    operation: str
    arguments: Any
    timeout: int = 5_000


@dataclass(frozen=True, slots=True)
class Sleep:
    """A wait until an instant."""

    until: int


@dataclass(frozen=True, slots=True)
class Join:
    """Starts processes and waits until all have ended. The result is the list of their outcomes."""

    processes: tuple[Process, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a call or a process: a value or an error."""

    value: Any = None
    error: BaseException | None = None


Steps: TypeAlias = "Generator[Call | Sleep | Join, Any, Any]"
Respond: TypeAlias = "Callable[[Outcome], None]"


class Process:
    """A process: a Lambda invocation, an execution, a poller or a sender.

    Args:
        label: its name, which is the same whenever the same simulated history is run.
        steps: its steps, a generator that yields calls, waits and joins.
        on_end: called once with the outcome of the process.
        host: the process that crashes with this one, such as the invocation that runs it; by
            default the process itself.
        can_crash: whether it can crash. If not, the attribute `host` is None.
        about: data about the process, for services and invariants.
    """

    __slots__ = (
        "about",
        "alive",
        "answered",
        "calls",
        "dependants",
        "host",
        "label",
        "on_end",
        "steps",
    )

    def __init__(
        self,
        label: str,
        steps: Steps,
        on_end: Respond,
        *,
        host: Process | None = None,
        can_crash: bool = True,
        about: Any = None,
    ) -> None:
        self.label = label
        self.steps = steps
        self.on_end = on_end
        self.host = (host or self) if can_crash else None
        self.about = about
        self.calls = 0
        self.answered = 0
        self.alive = True
        self.dependants: list[Process] = []
        if host is not None:
            host.dependants.append(self)
