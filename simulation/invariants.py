"""What must hold at the end of every history (docs/reliability.md, "The promises").

Each invariant is a function that gives a sentence for everything that breaks it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from simulation.clock import from_iso, to_iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from simulation.account import Sent
    from simulation.history import History

_TERMINAL = frozenset({"DELIVERED", "FAILED", "MAX_RETRIES_EXCEEDED"})
_PARKED = frozenset({"FAILED", "MAX_RETRIES_EXCEEDED"})


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that does not hold, and how."""

    invariant: str
    what: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.what}"


class View:
    """A history, arranged by delivery."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.account = history.account
        self.items = {_delivery_id(key): item for key, item in history.ledger.items()}

    @cached_property
    def sent(self) -> Mapping[str, list[Sent]]:
        """The requests of each delivery."""
        found: dict[str, list[Sent]] = defaultdict(list)
        for sent in self.account.sent:
            found[sent.delivery].append(sent)
        return found

    @cached_property
    def documents(self) -> Mapping[str, dict[str, Any]]:
        """The document of each delivery that got as far as an execution."""
        return {each.delivery: each.document for each in self.account.executions}

    @cached_property
    def delivered(self) -> frozenset[str]:
        """The deliveries of which an execution or the ledger says that they were delivered."""
        told = {
            each.delivery
            for each in self.account.executions
            if each.output is not None and each.output["end"] == "DELIVERED"
        }
        recorded = {
            delivery for delivery, item in self.items.items() if _status(item) == "DELIVERED"
        }
        return frozenset(told | recorded)

    def name(self, delivery: str) -> str:
        """Give a delivery a name for people."""
        document = self.documents.get(delivery)
        return delivery[:8] if document is None else document["reference"]["sk"][25:]

    def has_gap(self, delivery: str, attempt: int) -> bool:
        """Tell whether it was said aloud that this attempt may not be on record."""
        return (delivery, attempt) in self.account.gaps


def accepted_reaches_an_end(view: View) -> Iterator[str]:
    """What a sender was promised is delivered or parked."""
    for delivery in view.account.accepted:
        if delivery not in view.delivered and delivery not in view.account.dead:
            yield f"{view.name(delivery)} was accepted and is lost"


def one_end(view: View) -> Iterator[str]:
    """No delivery is both delivered and parked, and the ledger names the end that it had."""
    for delivery in view.documents:
        status = _status(view.items.get(delivery, {}))
        parked = delivery in view.account.dead
        if parked and status == "DELIVERED" and not _failed_unrecorded(view, delivery):
            yield f"{view.name(delivery)} is DELIVERED on record and parked as well"
        if status == "DELIVERED" and not any(_good(sent) for sent in view.sent[delivery]):
            yield f"{view.name(delivery)} is DELIVERED on record, but no endpoint said so"
        if status in _PARKED and not parked:
            yield f"{view.name(delivery)} is {status} on record and no dead letter exists"


def end_on_record(view: View) -> Iterator[str]:
    """The ledger knows the end, unless its last update failed, which was said aloud."""
    last: dict[str, int] = defaultdict(int)
    for execution in view.account.executions:
        last[execution.delivery] = max(last[execution.delivery], execution.attempt)
    for delivery, attempt in last.items():
        status = _status(view.items.get(delivery, {}))
        if status not in _TERMINAL and not view.has_gap(delivery, attempt):
            yield f"{view.name(delivery)} ended, but is {status or 'not'} on record"


def nothing_is_stuck(view: View) -> Iterator[str]:
    """No message is left on the queue, no execution runs on."""
    if view.history.queued:
        yield f"{view.history.queued} messages left on the queue"
    for execution in view.account.executions:
        if execution.running:
            yield f"{execution.label} is still in {execution.path[-1]}"


def limit_of_attempts(view: View) -> Iterator[str]:
    """No attempt beyond the limit, in the world or on record."""
    for delivery, document in view.documents.items():
        limit = document["policy"]["maxAttempts"]
        made = 1 + max((sent.attempt for sent in view.sent[delivery]), default=-1)
        recorded = _number(view.items.get(delivery, {}), "attempts")
        if max(made, recorded) > limit:
            yield f"{view.name(delivery)}: {made} attempts, {recorded} on record, {limit} allowed"


def account_agrees(view: View) -> Iterator[str]:
    """`attempts`, `status` and history agree after every update; what is told is never untold."""
    for written in view.account.written:
        delivery = _delivery_id(written.key)
        for fault in _faults_of(view, delivery, written.before, written.after):
            yield f"{view.name(delivery)}: {fault}"


def never_early(view: View) -> Iterator[str]:
    """No attempt before its time: the recorded one, or the one that its execution carries."""
    planned: dict[tuple[str, int], int] = {}
    for plan in view.account.planned:
        key = plan.delivery, plan.attempt + 1
        planned[key] = min(plan.due, planned.get(key, plan.due))
    recorded = dict(_recorded_times(view))
    for sent in view.account.sent:
        key = sent.delivery, sent.attempt
        due = planned.get(key, 0)
        if not view.has_gap(sent.delivery, sent.attempt - 1):
            due = max(due, recorded.get(key, 0))
        if sent.instant < due:
            yield (
                f"{view.name(sent.delivery)}: attempt {sent.attempt} at {to_iso(sent.instant)}, "
                f"due at {to_iso(due)}"
            )


def not_before_deliver_at(view: View) -> Iterator[str]:
    """A scheduled message does not leave before its `deliverAt`."""
    for delivery, document in view.documents.items():
        due = from_iso(document["dueAt"])
        if due <= from_iso(document["reference"]["createdAt"]):
            continue
        for sent in view.sent[delivery]:
            if sent.attempt == 0 == document["attemptNumber"] and sent.instant < due:
                yield f"{view.name(delivery)}: sent at {to_iso(sent.instant)}, due at {to_iso(due)}"


def doubles_only_in_the_window(view: View) -> Iterator[str]:
    """A request leaves a second time only if it was decided on before the first was recorded."""
    recorded = _recorded_attempts(view)
    for sent in view.account.sent:
        at = recorded.get((sent.delivery, sent.attempt))
        if at is not None and at < sent.set_out:
            yield (
                f"{view.name(sent.delivery)}: attempt {sent.attempt} was on record when {sent.by} "
                "set out to make it"
            )


def doubles_have_a_cause(view: View) -> Iterator[str]:
    """Where nothing breaks every attempt is one request; else no more are doubled than broke."""
    if view.history.scenario.doubles:
        return  # a queue that hands messages out twice is a cause of its own
    causes = _causes(view.history)
    for delivery, sent in view.sent.items():
        doubles = len(sent) - len({each.attempt for each in sent})
        if doubles > causes:
            yield f"{view.name(delivery)}: {doubles} requests too many, {causes} causes for them"


def one_delivery_per_target(view: View) -> Iterator[str]:
    """However often a message is handed over: one item and one Standard execution per target."""
    targets = Counter((_text(item, "pk"), _text(item, "targetUrl")) for item in view.items.values())
    for (message, target), count in targets.items():
        if count > 1:
            yield f"{message} to {target} has {count} items"
    standard = Counter(each.delivery for each in view.account.executions if not each.is_express)
    for delivery, count in standard.items():
        if count > 1:
            yield f"{view.name(delivery)} has {count} Standard executions"


def requests_are_alike(view: View) -> Iterator[str]:
    """Every request of a delivery bears the same `webhook-id` and the same body."""
    for delivery, requests in view.sent.items():
        kinds = {(sent.webhook_id, sent.body) for sent in requests}
        if len(kinds) > 1:
            yield f"{view.name(delivery)} left in {len(kinds)} versions"


def heals_by_itself(view: View) -> Iterator[str]:
    """After a single fault nobody has to send anything again."""
    scenario = view.history.scenario
    is_minor = len(view.history.faults) <= 1 and not scenario.outages and not scenario.doubles
    if is_minor and view.history.interventions:
        yield "an operator had to send again what one fault broke"


INVARIANTS: tuple[Callable[[View], Iterator[str]], ...] = (
    accepted_reaches_an_end,
    one_end,
    end_on_record,
    nothing_is_stuck,
    limit_of_attempts,
    account_agrees,
    never_early,
    not_before_deliver_at,
    doubles_only_in_the_window,
    doubles_have_a_cause,
    one_delivery_per_target,
    requests_are_alike,
    heals_by_itself,
)


def violations(history: History) -> list[Violation]:
    """Judge a history."""
    view = View(history)
    return [
        Violation(invariant.__name__, what) for invariant in INVARIANTS for what in invariant(view)
    ]


def _causes(history: History) -> int:
    """Count what may make a request leave twice. A poll that finds nobody in may not."""
    refusals = history.refusals
    return len(history.faults) + sum(
        count for operation, count in refusals.items() if operation != "sqs.receive"
    )


def _failed_unrecorded(view: View, delivery: str) -> bool:
    """Tell whether a failure was parked that the ledger could not be told of."""
    return any(
        view.has_gap(delivery, dead["attemptNumber"]) for dead in view.account.dead[delivery]
    )


def _faults_of(
    view: View, delivery: str, before: Mapping[str, Any] | None, after: Mapping[str, Any]
) -> Iterator[str]:
    status, attempts = _text(after, "status"), _number(after, "attempts")
    history = _history(after)
    numbers = [_number(entry, "attemptNumber") for entry in history]
    if numbers[-1] + 1 != attempts:
        yield f"{attempts} attempts, but the last entry is of attempt {numbers[-1]}"
    if any(a >= b for a, b in pairwise(numbers)):
        yield f"entries of attempts {numbers}"
    missing = set(range(attempts)) - set(numbers)
    if silent := {number for number in missing if not view.has_gap(delivery, number)}:
        yield f"attempts {sorted(silent)} are missing, and nobody said so"
    yield from _status_faults(status, attempts, after, history[-1], view, delivery)
    if before is not None and before.get("retryHistory"):
        if _text(before, "status") in _TERMINAL:
            yield f"{_text(before, 'status')} became {status}"
        if _history(before) != history[:-1]:
            yield "an update that did more than append to the history"


def _status_faults(
    status: str,
    attempts: int,
    item: Mapping[str, Any],
    last: Mapping[str, Any],
    view: View,
    delivery: str,
) -> Iterator[str]:
    limit = view.documents[delivery]["policy"]["maxAttempts"]
    if (status == "DELIVERED") != (_text(last, "errorCategory") == "SUCCESS"):
        yield f"{status} after {_text(last, 'errorCategory')}"
    if (status == "RETRY_SCHEDULED") != ("nextRetryAt" in item):
        yield f"{status} {'with' if 'nextRetryAt' in item else 'without'} nextRetryAt"
    if status == "RETRY_SCHEDULED" and item["nextRetryAt"] != last["nextRetryTimestamp"]:
        yield "nextRetryAt is not that of the last entry"
    if (status == "MAX_RETRIES_EXCEEDED") != ("maxRetriesExceededAt" in item):
        yield f"{status} and maxRetriesExceededAt do not go together"
    if status == "MAX_RETRIES_EXCEEDED" and attempts != limit:
        yield f"MAX_RETRIES_EXCEEDED after {attempts} of {limit}"


def _recorded_times(view: View) -> Iterator[tuple[tuple[str, int], int]]:
    for delivery, item in view.items.items():
        for entry in _history(item):
            if "nextRetryTimestamp" in entry:
                number = _number(entry, "attemptNumber")
                yield (delivery, number + 1), from_iso(_text(entry, "nextRetryTimestamp"))


def _recorded_attempts(view: View) -> dict[tuple[str, int], int]:
    """Give for each attempt on record the event at which it was written."""
    found: dict[tuple[str, int], int] = {}
    for written in view.account.written:
        delivery = _delivery_id(written.key)
        for attempt in range(_number(written.after, "attempts")):
            found.setdefault((delivery, attempt), written.event)
    return found


def _delivery_id(key: tuple[str, ...]) -> str:
    return sha256("\n".join(key).encode()).hexdigest()[:32]


def _good(sent: Sent) -> bool:
    return sent.status is not None and 200 <= sent.status < 300  # noqa: PLR2004  # 2xx


def _status(item: Mapping[str, Any]) -> str:
    return _text(item, "status")


def _text(item: Mapping[str, Any], name: str) -> str:
    return str(item[name]["S"]) if name in item else ""


def _number(item: Mapping[str, Any], name: str) -> int:
    return int(item[name]["N"]) if name in item else 0


def _history(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [entry["M"] for entry in item["retryHistory"]["L"]] if "retryHistory" in item else []
