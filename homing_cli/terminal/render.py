"""Tables, trees and lines of text for the terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TextIO, assert_never

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from homing.retry.outcome import OutcomeKind
from homing.timestamps import to_text
from homing_cli.escaping import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from homing.delivery import Reference
    from homing.ledger.delivery_filter import Listed
    from homing.ledger.delivery_groups import Group
    from homing_cli.client.deliveries import DeliveryView
    from homing_cli.client.executions.broken import Broken
    from homing_cli.client.executions.waiting import Waiting
    from homing_cli.client.queues.dead_letters import DeadLetter
    from homing_cli.client.queues.unaccepted import UnacceptedMessage
    from homing_cli.client.queues.undispatched import UndispatchedMessage
    from homing_cli.traces.execution_history import Attempt, Visit
    from homing_cli.traces.story import Chapter, Story
    from homing_cli.traces.timing import Hop
    from homing_cli.traces.trace import Trace

_STYLES = {
    "DELIVERED": "green",
    "RETRY_SCHEDULED": "yellow",
    "QUEUED": "cyan",
    "FAILED": "red",
    "MAX_RETRIES_EXCEEDED": "red",
}
# Wide enough that nothing is wrapped or cut when another program reads the output.
_UNBOUNDED = 10_000
_BODY_SHOWN = 1000  # how many characters of a response body are shown


class _Console(Console):
    """A `rich` console that escapes control characters in strings, also in tables and trees.

    A `Text` is written unchanged, so untrusted text must pass through `shown` first.
    """

    def render_str(self, text: str, **how: Any) -> Text:
        return super().render_str(shown(text), **how)


def console(stream: TextIO | None = None) -> Console:
    """Return a `rich` console that prints to a stream.

    On a terminal it uses colours and wraps long lines; elsewhere it does neither.
    """
    target = stream or sys.stdout
    width = None if target.isatty() else _UNBOUNDED
    return _Console(file=target, width=width, highlight=False, emoji=False, markup=False)


def status(text: str) -> Text:
    """Return a ledger status in its colour."""
    return Text(shown(text), style=_STYLES.get(text, ""))


def table(*columns: str) -> Table:
    """Return an empty table."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def deliveries(found: Iterable[DeliveryView]) -> Table:
    """Return a table of deliveries."""
    made = table("message", "target", "status", "attempts", "next attempt", "last result")
    for view in found:
        made.add_row(
            _message(view.reference),
            _recipient(view),
            status(view.status),
            str(view.attempts),
            view.next_attempt_at or "",
            view.last_result,
        )
    return made


def _message(reference: Reference) -> str:
    event_type = reference.event_type
    return f"{reference.message_id} ({event_type})" if event_type else reference.message_id


def _recipient(view: DeliveryView) -> str:
    endpoint_id = view.document.get("endpointId")
    url = view.reference.target_url
    return f"{url} (endpoint {endpoint_id})" if endpoint_id else url


def attempts(story: Story) -> Table:
    """Return a table of the attempts of one delivery, with a row for each redrive in between."""
    made = table("attempt", "at", "result", "HTTP", "took", "next attempt")
    for kind, event in story.events:
        if kind == "redrive":
            made.add_row("", event["timestamp"], "redriven; attempts are counted from 1 again")
        elif event.at:
            made.add_row(
                str(event.number),
                event.at,
                _result(event),
                str((event.entry or event.outcome or {}).get("httpStatus") or ""),
                "" if event.response_time is None else f"{event.response_time} ms",
                event.next_at or "",
            )
    return made


def _result(chapter: Chapter) -> str:
    moved = (chapter.entry or {}).get("targetUrl")
    where = f" (at {moved}, the URL of the endpoint at that time)" if moved else ""
    return f"{chapter.category}: {chapter.reason}".strip(": ") + where


def response_bodies(story: Story) -> Iterator[str]:
    """Yield the known response bodies of the endpoint, one line for each attempt."""
    for chapter in story.chapters:
        if body := chapter.response_body:
            cut = body if len(body) <= _BODY_SHOWN else f"{body[:_BODY_SHOWN]}…"
            yield f"response body of attempt {chapter.number} at {chapter.at}: {cut}"


def dead_letters(found: Iterable[DeadLetter]) -> Table:
    """Return a table of dead letters."""
    made = table("message", "sender", "target", "attempts", "status", "why")
    for dead_letter in found:
        made.add_row(
            _message(dead_letter.reference),
            dead_letter.reference.sender_id,
            dead_letter.reference.target_url,
            str(dead_letter.attempts),
            status(dead_letter.status),
            f"{dead_letter.category}: {dead_letter.reason}",
        )
    return made


def listed(found: Iterable[Listed]) -> Table:
    """Return a table of the deliveries in a list."""
    made = table("message", "sender", "endpoint", "status", "attempts", "last change", "why")
    for one in found:
        made.add_row(
            one.message_id,
            one.sender_id,
            one.recipient,
            status(one.status),
            str(one.attempts),
            one.last_updated_at,
            f"{one.category}: {one.reason}" if one.category else "",
        )
    return made


def groups(found: Sequence[Group]) -> Table:
    """Return a table of groups of deliveries: the count and the latest reason of each."""
    made = table("count", *found[0].values, "first", "last", "the last one")
    for each in found:
        reason = each.latest.reason or ""
        made.add_row(str(each.count), *each.values.values(), each.first_at, each.last_at, reason)
    return made


def undispatched(found: Iterable[UndispatchedMessage]) -> Table:
    """Return a table of undispatched messages."""
    made = table("message", "target")
    for dead_letter in found:
        made.add_row(dead_letter.message_id or dead_letter.body[:60], dead_letter.target_url)
    return made


def unaccepted(found: Iterable[UnacceptedMessage]) -> Table:
    """Return a table of unaccepted messages."""
    made = table("message", "queue", "why")
    for each in found:
        made.add_row(each.message_id, each.queue, each.why)
    return made


def waiting(found: Iterable[Waiting]) -> Table:
    """Return a table of the executions of the Standard workflow that have not ended."""
    made = table("message", "target", "attempts", "due at")
    for one in found:
        due = str(one.document["dueAt"]) if one.waits else "under way"
        attempts = str(one.document["attemptNumber"])
        made.add_row(one.reference.message_id, one.reference.target_url, attempts, due)
    return made


def broken(found: Iterable[Broken]) -> Table:
    """Return a table of broken executions."""
    made = table("execution", "status", "stopped at", "error")
    for one in found:
        made.add_row(one.delivery_id, one.status, to_text(one.stopped_at), one.error)
    return made


def trace(found: Trace) -> Tree:
    """Return the execution of a delivery as a tree: its attempts, and the states of each."""
    view = found.delivery
    head = Text.assemble(
        shown(f"{_message(view.reference)} -> {view.reference.target_url}  "),
        status(view.status),
    )
    if found.execution:
        head.append(f"  execution {found.execution['status']}", style="dim")
    tree = Tree(head, guide_style="dim")
    starts = [attempt.visits[0].entered for attempt in found.attempts if attempt.visits]
    for attempt in found.attempts:
        _add_attempt(tree, attempt, starts[0] if starts else None)
    if not found.attempts:
        tree.add("no attempt on record: not started yet, or under way")
    return tree


def timing(found: Sequence[Hop]) -> Table:
    """Return a table of the hops of a delivery (the stages of its path) with their durations."""
    made = table("attempt", "from", "ms", "what")
    for hop in found:
        start = to_text(hop.start)[11:23]
        made.add_row(str(hop.attempt), start, f"{hop.milliseconds:,}", hop.what)
    return made


def _add_attempt(tree: Tree, attempt: Attempt, start: datetime | None) -> None:
    verdict = attempt.result("verdict") or {}
    title = Text(f"attempt {attempt.number + 1}", style="bold")
    if verdict:
        title.append(shown(f"  {verdict['reason']}"), style="not bold")
    branch = tree.add(title)
    if attempt.entry is not None:
        branch.add(_recorded(attempt))
    for visit in attempt.visits:
        offset = (visit.entered - (start or visit.entered)).total_seconds()
        line = Text(f"{visit.entered:%H:%M:%S}.{visit.entered.microsecond // 1000:03d} ")
        line.append(f"+{offset:6.2f} s  ", style="dim")
        line.append(f"{visit.name:<16}")
        line.append(f"{_took(visit):>9}  ", style="dim")
        line.append(shown(describe(visit)))
        line.rstrip()
        branch.add(line)


def _recorded(attempt: Attempt) -> str:
    outcome, verdict = attempt.result("outcome") or {}, attempt.result("verdict") or {}
    backoff = attempt.result("backoff")
    then = f", {_backoff(backoff)}" if backoff else ""
    took = f"{outcome['responseTime']} ms"
    return f"{outcome['timestamp'][11:23]} in the ledger: {verdict['category']} in {took}{then}"


def _took(visit: Visit) -> str:
    return "" if visit.milliseconds is None else f"{visit.milliseconds} ms"


def describe(visit: Visit) -> str:
    """Return the result of one visit to a state of the workflow, in a few words."""
    document = visit.output if isinstance(visit.output, dict) else {}
    faults = "".join(f"  [{fault}]" for fault in visit.faults)
    return _describe(visit, document) + faults


def _describe(visit: Visit, document: Mapping[str, Any]) -> str:
    match visit.name:
        case "WaitUntilDue":
            return f"until {visit.input['dueAt']}"
        case "Deliver" if document:
            return _outcome(document["outcome"])
        case "Classify" if document:
            return _verdict(document["verdict"])
        case "ComputeBackoff" if "backoff" in document:
            return _backoff(document["backoff"])
        case "RecordRetry" if document:
            return str(document["record"]["result"])
        case _:
            return ""


def _outcome(outcome: Mapping[str, Any]) -> str:
    match OutcomeKind(outcome["kind"]):
        case OutcomeKind.ATTEMPTED:
            return _attempted(outcome)
        case OutcomeKind.POSTPONED:
            until = outcome["next"]["dueAt"]
            return f"not sent: the endpoint had no free slot for this attempt; waits until {until}"
        case OutcomeKind.SUPERSEDED:
            return "not sent: another execution has this attempt"
        case _ as unknown:
            assert_never(unknown)


def _attempted(outcome: Mapping[str, Any]) -> str:
    error = outcome["error"]
    if error:
        return f"{error['kind']}: {error['message']}"
    asked = f", Retry-After: {outcome['retryAfter']}" if outcome["retryAfter"] else ""
    return f"HTTP {outcome['httpStatus']} in {outcome['responseTime']} ms{asked}"


def _verdict(verdict: Mapping[str, Any]) -> str:
    if "decision" not in verdict:  # no attempt was made
        return str(verdict["status"])
    return f"{verdict['decision']} {verdict['category']} -> {verdict['status']}"


def _backoff(backoff: Mapping[str, Any]) -> str:
    floor = backoff["retryAfterSeconds"]
    parts = f"{backoff['exponentialDelay']} s + {backoff['jitterApplied']} s jitter"
    asked = f", at least {floor} s" if floor is not None else ""
    return f"{parts}{asked} -> {backoff['nextRetryAt']}"
