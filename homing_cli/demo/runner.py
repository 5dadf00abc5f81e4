"""Runs the demo: sends a message for each scenario to a local receiver, and checks the results."""

from __future__ import annotations

import json
import secrets
import socket
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from homing import timestamps
from homing_cli.client.api import ApiClient
from homing_cli.client.deliveries import DeliveryView, follow, views
from homing_cli.client.messages import Handed, Line, hand_over
from homing_cli.client.queues import dead_letters
from homing_cli.client.queues.held_dead_letters import Filter, hold
from homing_cli.client.recovery import Actions
from homing_cli.demo.scenarios import BROUGHT_BACK, LATER, REDRIVEN, SCENARIOS, Scenario, Seen
from homing_cli.demo.table import scenarios
from homing_cli.local.emulator import HOST
from homing_cli.receiver.server import Receiver
from homing_cli.receiver.verification import verifies
from homing_cli.terminal import live, render
from homing_cli.traces.trace import trace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from homing_cli.client.queues.dead_letters import DeadLetter
    from homing_cli.client.target import Target

_TIMEOUT_SECONDS = 90
_LOOK_AT = 1000
_LOOKS = 5
_TRACED = "two-503s"


@dataclass(frozen=True, slots=True)
class Sent:
    """A message of the demo that has been sent."""

    scenario: Scenario
    message_id: str
    path: str
    handed: tuple[Handed, ...]
    due: datetime | None
    secret: str | None


def run(target: Target, console: Console) -> tuple[Seen, ...]:
    """Send the messages, show their deliveries, and return what was observed.

    Args:
        target: the local cloud; it must be able to reach 127.0.0.1.
        console: where the deliveries are shown.

    Raises:
        CommandError: when the local cloud cannot be reached.
    """
    api = ApiClient(target)
    run_id = secrets.token_hex(3)
    with Receiver() as receiver, _nobody() as deaf:
        sent = [
            _send(api, scenario, receiver.url if scenario.path else deaf, run_id)
            for scenario in SCENARIOS
        ]
        console.print(f"sent {len(sent)} messages to a receiver at {receiver.url}")
        console.line()
        _watch(api, sent, console)
        in_queue = _dead_letters(target, run_id)
        seen = tuple(_see(api, one, receiver, in_queue) for one in sent)
        _show(target, api, seen, in_queue, console)
        [dead_lettered] = [one for one in sent if one.scenario.name == BROUGHT_BACK]
        back = _bring_back(target, api, dead_lettered, receiver, console)
    console.line()
    console.print(
        "The local cloud keeps running. See more with `homing status ID`, `homing trace ID` or"
        " `homing dead-letters`; `homing down` stops it."
    )
    return *seen, back


@contextmanager
def _nobody() -> Iterator[str]:
    """Yield a URL that refuses connections: its port is bound, so that no server can take it."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        yield f"http://{HOST}:{taken.getsockname()[1]}"


def _send(api: ApiClient, scenario: Scenario, url: str, run_id: str) -> Sent:
    message_id = f"{scenario.name}-{run_id}"
    path = f"{scenario.path or ''}/{message_id}"
    due = datetime.now(UTC) + LATER if scenario.later else None
    body: dict[str, Any] = {"messageId": message_id, "payload": {"demo": scenario.does}}
    secret = None
    if scenario.signed:
        made = api.endpoints("PUT", f"/{message_id}", {"url": url + path})
        secret, body["endpointId"] = made["secret"], message_id
    else:
        body["targetUrl"] = scenario.target or url + path
    if due:
        body["deliverAt"] = timestamps.to_text(due)
    if scenario.policy:
        body["policy"] = scenario.policy
    line = Line(1, json.dumps(body).encode())
    handed = tuple(hand_over(api, line) for _ in range(scenario.copies))
    return Sent(scenario, message_id, path, handed, due, secret)


def _watch(api: ApiClient, sent: Sequence[Sent], console: Console) -> None:
    messages = [one.handed[0].message for one in sent]
    accepted = [message for message in messages if message]
    with live.board(console, len(accepted)) as show:
        for known in follow(api, accepted, _TIMEOUT_SECONDS):
            show([view for found in known.values() for view in found])


def _dead_letters(target: Target, run_id: str) -> list[DeadLetter]:
    """Wait until the dead letters of all failed deliveries are in the queue, and return them.

    They may arrive late, since a dead letter is sent only after the failure has been recorded.
    """
    expected = sum(scenario.is_dead_lettered for scenario in SCENARIOS)
    found: list[DeadLetter] = []
    for _ in range(_LOOKS):
        in_queue = dead_letters.look(target, _LOOK_AT).dead_letters
        found = [one for one in in_queue if one.reference.message_id.endswith(run_id)]
        if len(found) >= expected:
            break
        time.sleep(1)
    return found


def _see(api: ApiClient, one: Sent, receiver: Receiver, in_queue: Sequence[DeadLetter]) -> Seen:
    accepted = one.handed[0].message
    found: tuple[DeliveryView, ...] = views(api.message(one.message_id)) if accepted else ()
    dead_lettered = Counter(dead_letter.reference.message_id for dead_letter in in_queue)
    came = [arrival for arrival in receiver.arrivals if arrival.path == one.path]
    return Seen(
        scenario=one.scenario,
        handed=one.handed,
        deliveries=found,
        arrivals=[arrival.received_at for arrival in came],
        dead_letters=dead_lettered[one.message_id],
        due=one.due,
        verified=[verifies(arrival, one.secret) for arrival in came] if one.secret else [],
    )


def _show(
    target: Target,
    api: ApiClient,
    seen: Sequence[Seen],
    in_queue: Sequence[DeadLetter],
    console: Console,
) -> None:
    _heading(console, "their status")
    console.print(scenarios(seen))
    [traced] = [one for one in seen if one.scenario.name == _TRACED]
    for delivery in traced.deliveries:
        message_id = delivery.reference.message_id
        _heading(console, f"homing trace {message_id}")
        for found in trace(target, api, message_id):
            console.print(render.trace(found))
    _heading(console, "homing dead-letters")
    console.print(render.dead_letters(in_queue))


def _heading(console: Console, text: str) -> None:
    console.line()
    console.print(text)
    console.line()


def _bring_back(
    target: Target, api: ApiClient, dead_lettered: Sent, receiver: Receiver, console: Console
) -> Seen:
    """Redrive a message, follow its delivery to the end, and return what was observed."""
    _heading(console, f"homing dead-letters redrive {dead_lettered.message_id}")
    with hold(target, Filter(message_id=dead_lettered.message_id)) as held:
        for done in Actions(target).redrive_dead_letters(held):
            console.print(f"{done.reference.message_id}: {done.result}")
    _watch(api, [dead_lettered], console)
    left = dead_letters.look(target, _LOOK_AT).dead_letters
    seen = _see(api, replace(dead_lettered, scenario=REDRIVEN), receiver, left)
    console.print(scenarios([seen]))
    return seen
