"""The invariants for endpoints with a rate limit, and for attempts postponed because of it."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

from simulation.engine.clock import SECOND, to_iso
from simulation.scenario import host_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from simulation.checks.view import View
    from simulation.journal import Sent

_ON_THE_WAY = 200  # the longest time from an attempt's rate slot to its request, in milliseconds
# The time from a response that asks for a pause until the pause takes effect. Attempts that ask for
# a rate slot after that get one that lies after the pause.
_UNTIL_PAUSED = SECOND


def pace_of_the_endpoint(view: View) -> Iterator[str]:
    """Without faults, no endpoint gets requests faster than its rate allows."""
    rate = view.history.scenario.deployment.rate_per_second
    if not rate or not _is_undisturbed(view):
        return
    for target, requests in _of_targets(view).items():
        for one, other in pairwise(sorted(each.instant for each in requests)):
            if other - one < SECOND / rate - _ON_THE_WAY:
                yield f"{target} has requests at {to_iso(one)} and {to_iso(other)}, {rate}/s"


def pause_is_kept(view: View) -> Iterator[str]:
    """Without faults, an endpoint with a rate limit gets no request during a pause it asked for."""
    scenario = view.history.scenario
    if not scenario.deployment.rate_per_second or not _is_undisturbed(view):
        return
    for target, requests in _of_targets(view).items():
        answers = scenario.endpoints[host_of(target)]
        pauses = [int(each.retry_after) for each in answers if each.retry_after]
        for paused in (each for each in requests if each.status == _TOO_MANY and pauses):
            begins, ends = paused.until + _UNTIL_PAUSED, paused.until + min(pauses) * SECOND
            for each in requests:
                if begins < each.instant < ends:
                    at = to_iso(each.instant)
                    yield f"{target} was paused until {to_iso(ends)}, and has a request at {at}"


def attempts_are_made(view: View) -> Iterator[str]:
    """Without faults, every attempt that is counted is made: attempt numbers have no gaps."""
    if not _is_undisturbed(view):
        return
    for delivery, sent in view.sent.items():
        of_run: dict[int, set[int]] = defaultdict(set)
        for each in sent:
            of_run[each.run].add(each.attempt)
        for attempts in of_run.values():
            if attempts != set(range(len(attempts))):
                yield f"{view.name(delivery)}: attempts {sorted(attempts)} and no others were made"


_TOO_MANY = 429


def _is_undisturbed(view: View) -> bool:
    history = view.history
    scenario = history.scenario
    is_stopped = any(each.was_stopped for each in view.journal.executions)
    return not (history.faults or history.refusals or scenario.skews or is_stopped)


def _of_targets(view: View) -> Mapping[str, list[Sent]]:
    targets: dict[str, list[Sent]] = defaultdict(list)
    for sent in view.journal.sent:
        targets[view.name(sent.delivery)].append(sent)
    return targets
