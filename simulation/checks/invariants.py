"""The invariants that are checked after every simulated history.

docs/reliability.md ("The promises") lists them. Each invariant is a function that yields a sentence
for each violation.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulation.checks.order import ORDER, is_behind_a_block
from simulation.checks.pace_checks import attempts_are_made, pace_of_the_endpoint, pause_is_kept
from simulation.checks.record_checks import TERMINAL, faults_of_change
from simulation.checks.view import View
from simulation.engine.clock import from_iso, to_iso
from simulation.items import (
    delivery_of,
    entries_of_run,
    number_of,
    redrives_of,
    status_of,
    text_of,
)
from simulation.workflow.machine import DEAD_LETTERED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from simulation.history import History
    from simulation.journal import Sent


@dataclass(frozen=True, slots=True)
class Violation:
    """A violation of an invariant; `what` describes it in a sentence."""

    invariant: str
    what: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.what}"


def accepted_reaches_an_end(view: View) -> Iterator[str]:
    """Every accepted delivery is delivered, dead-lettered or cancelled, or its line is blocked."""
    for delivery in view.journal.accepted:
        cancelled = status_of(view.items.get(delivery, {})) == "CANCELLED"
        ended = cancelled or delivery in view.delivered or view.dead_letters(delivery)
        if not ended and not is_behind_a_block(view, delivery):
            yield f"{view.name(delivery)} was accepted and is lost"


def ingested_is_settled(view: View) -> Iterator[str]:
    """Every message of the ingest queue is accepted, or ends as an unaccepted message."""
    for message in sorted(view.journal.ingested):
        if message not in view.journal.lists and message not in view.journal.unaccepted:
            yield f"{message} was on the ingest queue and is lost"


def one_end(view: View) -> Iterator[str]:
    """No delivery is both delivered and dead-lettered, and its status agrees with what happened.

    There are two exceptions. A delivered delivery may have a dead letter if an execution could not
    read the delivery's status, or could not record the failure for which it sent the dead letter.
    """
    for delivery in view.documents:
        status = status_of(view.items.get(delivery, {}))
        dead_letter_of = bool(view.dead_letters(delivery))
        run = view.last_run(delivery)
        excused = _failed_unrecorded(view, delivery) or _in_doubt(view, delivery)
        if dead_letter_of and status == "DELIVERED" and not excused:
            yield f"{view.name(delivery)} is DELIVERED on record and dead-lettered as well"
        if status == "DELIVERED" and not any(
            _good(sent) and sent.run == run for sent in view.sent[delivery]
        ):
            yield f"{view.name(delivery)} is DELIVERED on record, but no endpoint has accepted it"
        if status in DEAD_LETTERED and not dead_letter_of:
            yield f"{view.name(delivery)} is {status} on record and no dead letter exists"


def end_on_record(view: View) -> Iterator[str]:
    """The ledger records the end of each delivery, unless a failure to record it was reported."""
    reported = {
        each.delivery
        for each in view.journal.executions
        if each.has_ended_delivery
        and each.run == view.last_run(each.delivery)
        and view.has_gap(each.delivery, each.attempt, each.run)
    }
    for delivery in view.documents:
        status = status_of(view.items.get(delivery, {}))
        if status not in TERMINAL and delivery not in reported:
            yield f"{view.name(delivery)} ended, but is {status or 'not'} on record"


def nothing_is_stuck(view: View) -> Iterator[str]:
    """No message stays on the queue, and no execution keeps running."""
    if view.history.queued:
        yield f"{view.history.queued} messages are still on the queue"
    for execution in view.journal.executions:
        if execution.running:
            yield f"{execution.label} is still in {execution.path[-1]}"


def limit_of_attempts(view: View) -> Iterator[str]:
    """No delivery has more than `maxAttempts` attempts, at the endpoint or in the ledger."""
    for delivery, document in view.documents.items():
        limit = document["policy"]["maxAttempts"]
        made = 1 + max((sent.attempt for sent in view.sent[delivery]), default=-1)
        recorded = number_of(view.items.get(delivery, {}), "attempts")
        if max(made, recorded) > limit:
            yield f"{view.name(delivery)}: {made} attempts, {recorded} on record, {limit} allowed"


def record_agrees(view: View) -> Iterator[str]:
    """In a ledger item, `attempts`, `status` and `retryHistory` agree after every update.

    Entries of `retryHistory` are never removed.
    """
    for written in view.journal.written:
        delivery = delivery_of(written.after)
        for fault in faults_of_change(view, delivery, written.before, written.after):
            yield f"{view.name(delivery)}: {fault}"


def never_early(view: View) -> Iterator[str]:
    """No attempt is made before it is due, unless by an operator's immediate retry.

    It is due at the later of two times: the one that its execution has scheduled, and the one in
    the ledger.
    """
    planned: dict[tuple[str, int, int], int] = {}
    for plan in view.journal.planned:
        key = plan.delivery, plan.run, plan.attempt + 1
        planned[key] = min(plan.due, planned.get(key, plan.due))
    recorded = dict(_recorded_times(view))
    for sent in view.journal.sent:
        if sent.hurried:
            continue
        key = sent.delivery, sent.run, sent.attempt
        due = planned.get(key, 0)
        if not view.has_gap(sent.delivery, sent.attempt - 1, sent.run):
            due = max(due, recorded.get(key, 0))
        if sent.instant < due:
            yield (
                f"{view.name(sent.delivery)}: attempt {sent.attempt} at {to_iso(sent.instant)}, "
                f"due at {to_iso(due)}"
            )


def not_before_deliver_at(view: View) -> Iterator[str]:
    """A scheduled message is not sent before its `deliverAt`."""
    for delivery, document in view.documents.items():
        due = min(
            from_iso(each.document["dueAt"])  # a postponed attempt has a later due time
            for each in view.journal.executions
            if each.delivery == delivery
        )
        if due <= from_iso(document["reference"]["createdAt"]):
            continue
        for sent in view.sent[delivery]:
            is_first = sent.run == sent.attempt == document["attemptNumber"] == 0
            if is_first and not sent.hurried and sent.instant < due:
                yield f"{view.name(delivery)}: sent at {to_iso(sent.instant)}, due at {to_iso(due)}"


def doubles_only_in_the_window(view: View) -> Iterator[str]:
    """It is never decided to make an attempt that the ledger has already recorded.

    A delivery may be an exception if `deliver` reported that it could not claim an attempt.
    """
    recorded = _recorded_attempts(view)
    deployment = view.history.scenario.deployment
    rivals = view.journal.acted or deployment.attempts_at_once or deployment.defers
    for sent in view.journal.sent:
        at = recorded.get((sent.delivery, sent.run, sent.attempt))
        claimed = sent.delivery not in view.journal.unclaimed or not rivals
        if at is not None and at < sent.set_out and claimed:
            yield (
                f"{view.name(sent.delivery)}: attempt {sent.attempt} was on record when {sent.by} "
                "decided to make it"
            )


def doubles_have_a_cause(view: View) -> Iterator[str]:
    """Each attempt makes one request, except that each fault may cause one additional request."""
    if view.history.scenario.doubles:
        return  # a queue that delivers messages twice is another cause
    causes = _causes(view.history)
    for delivery, sent in view.sent.items():
        doubles = len(sent) - len({(each.run, each.attempt) for each in sent})
        if doubles > causes:
            yield f"{view.name(delivery)}: {doubles} requests too many, {causes} causes for them"


def one_delivery_per_target(view: View) -> Iterator[str]:
    """However often a message is sent, each of its targets has at most one ledger item.

    Each delivery has at most one Standard execution, not counting those of later generations, which
    redrives, immediate retries and the watchdog start.
    """
    targets = Counter(
        (text_of(item, "pk"), text_of(item, "targetUrl")) for item in view.items.values()
    )
    for (message, target), count in targets.items():
        if count > 1:
            yield f"{message} to {target} has {count} items"
    standard = Counter(
        each.delivery
        for each in view.journal.executions
        if not each.is_express and not each.document.get("generation", 0)
    )
    for delivery, count in standard.items():
        if count > 1:
            yield f"{view.name(delivery)} has {count} Standard executions"


def list_is_frozen(view: View) -> Iterator[str]:
    """Every response about a message lists the same deliveries, and only these are queued."""
    queued: dict[str, set[str]] = defaultdict(set)
    for (message, _), reference in view.journal.references.items():
        queued[message].add(reference.delivery_id)
    for message, lists in view.journal.lists.items():
        if len(lists) > 1:
            yield f"{message} was answered with {len(lists)} lists of deliveries"
        elif surplus := queued[message] - set(*lists):
            names = ", ".join(sorted(map(view.name, surplus)))
            yield f"{message} went to {names}, which no answer names"


def room_at_the_endpoint(view: View) -> Iterator[str]:
    """Without faults, no endpoint has more concurrent requests than its limit."""
    history, limit = view.history, view.history.scenario.deployment.attempts_at_once
    if not limit or history.faults or history.refusals:
        return
    targets: dict[str, list[Sent]] = defaultdict(list)
    for sent in view.journal.sent:
        targets[view.name(sent.delivery)].append(sent)
    for target, requests in targets.items():
        for sent in requests:
            most = sum(each.instant <= sent.instant < each.until for each in requests)
            if most > limit:
                yield f"{target} has {most} requests at {to_iso(sent.instant)}, {limit} allowed"


def requests_are_alike(view: View) -> Iterator[str]:
    """All requests of a delivery have the same `webhook-id` and the same body."""
    for delivery, requests in view.sent.items():
        kinds = {(sent.webhook_id, sent.body) for sent in requests}
        if len(kinds) > 1:
            yield f"{view.name(delivery)} was sent in {len(kinds)} versions"


def cancelled_stays_cancelled(view: View) -> Iterator[str]:
    """Once a delivery is recorded as CANCELLED, none of its attempts is claimed or begun."""
    ended: dict[str, int] = {}
    for written in view.journal.written:
        if status_of(written.after) == "CANCELLED":
            ended.setdefault(delivery_of(written.after), written.event)
    for delivery, at in ended.items():
        late = [sent for sent in view.sent[delivery] if sent.set_out > at]
        if late and delivery not in view.journal.unclaimed:
            yield f"{view.name(delivery)} was cancelled, and {late[0].by} made an attempt later"


def heals_at_once(view: View) -> Iterator[str]:
    """After a single fault that stops no execution, no delivery waits for the watchdog."""
    scenario = view.history.scenario
    is_minor = len(view.history.faults) <= 1 and not scenario.outages and not scenario.doubles
    if not is_minor or any(each.was_stopped for each in view.journal.executions):
        return
    if view.journal.undispatched:
        yield "a message could not be dispatched after a single fault"
    for (_, delivery), finding in view.journal.examined.items():
        if finding.is_recovery:
            yield f"{view.name(delivery)} was {finding} by the watchdog after a single fault"


INVARIANTS: tuple[Callable[[View], Iterator[str]], ...] = (
    accepted_reaches_an_end,
    ingested_is_settled,
    one_end,
    end_on_record,
    nothing_is_stuck,
    limit_of_attempts,
    record_agrees,
    never_early,
    not_before_deliver_at,
    doubles_only_in_the_window,
    doubles_have_a_cause,
    one_delivery_per_target,
    list_is_frozen,
    room_at_the_endpoint,
    pace_of_the_endpoint,
    pause_is_kept,
    attempts_are_made,
    requests_are_alike,
    cancelled_stays_cancelled,
    heals_at_once,
    *ORDER,
)


def violations(history: History) -> list[Violation]:
    """Return the violations of invariants in a simulated history."""
    if not history.has_ended:
        return [Violation("ends", f"it has not ended after {history.events:,} events")]
    view = View(history)
    return [
        Violation(invariant.__name__, what) for invariant in INVARIANTS for what in invariant(view)
    ]


def _causes(history: History) -> int:
    """Return how many faults may have caused a second request.

    Those are all faults and all calls refused in outages, except refused polls of the queue.
    """
    refusals = history.refusals
    return len(history.faults) + sum(
        count for operation, count in refusals.items() if operation != "sqs.receive"
    )


def _failed_unrecorded(view: View, delivery: str) -> bool:
    """Return whether the delivery was dead-lettered for a failure that could not be recorded."""
    return any(
        view.has_gap(delivery, dead_letter["attemptNumber"], view.last_run(delivery))
        for dead_letter in view.dead_letters(delivery)
    )


def _in_doubt(view: View, delivery: str) -> bool:
    """Return whether an execution could not read the record to see if the delivery was delivered.

    In this case, the execution dead-letters the delivery.
    """
    return any(
        "ReadRecord!" in each.path for each in view.journal.executions if each.delivery == delivery
    )


def _recorded_times(view: View) -> Iterator[tuple[tuple[str, int, int], int]]:
    for written in view.journal.written:
        entries = entries_of_run(written.after)
        if not entries or "nextRetryTimestamp" not in entries[-1]:
            continue
        key = delivery_of(written.after), redrives_of(written.after)
        number = number_of(entries[-1], "attemptNumber")
        yield (*key, number + 1), from_iso(text_of(entries[-1], "nextRetryTimestamp"))


def _recorded_attempts(view: View) -> dict[tuple[str, int, int], int]:
    """Return, for each attempt, the number of the event that recorded it.

    The key is the delivery, the number of redrives before the attempt, and the attempt number.
    """
    found: dict[tuple[str, int, int], int] = {}
    for written in view.journal.written:
        key = delivery_of(written.after), redrives_of(written.after)
        for attempt in range(number_of(written.after, "attempts")):
            found.setdefault((*key, attempt), written.event)
    return found


def _good(sent: Sent) -> bool:
    return sent.status is not None and 200 <= sent.status < 300  # noqa: PLR2004  # 2xx
