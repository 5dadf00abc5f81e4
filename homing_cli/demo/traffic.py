"""Continuous traffic for the demo: a local receiver, and a message every few seconds."""

from __future__ import annotations

import json
import secrets
from contextlib import contextmanager
from itertools import cycle
from threading import Event, Thread
from typing import TYPE_CHECKING

from homing_cli.client.api import ApiClient
from homing_cli.client.messages import Line, hand_over
from homing_cli.receiver.server import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homing_cli.client.target import Target

PAUSE_SECONDS = 2.0
_STOP_SECONDS = 10
# An endpoint that its sender has disabled, so messages to it are dead-lettered.
DISABLED = "old-shop"
# The names of messages, each with the receiver's responses to its attempts, or with its endpoint.
# The outage of `shipment` ends after three attempts, so that the message arrives when redriven.
SCENARIOS = (
    ("invoice", "/script/200"),
    ("refund", "/script/503,200"),
    ("signup", "/script/200"),
    ("shipment", "/script/503,503,503,200"),
    ("order", "/script/200"),
    ("newsletter", "/script/429;retry-after=3,200"),
    ("invoice", "/script/200"),
    ("webhook-test", "/script/410"),
    ("order", "/script/503,503,200"),
    ("audit", "/script/500"),
    ("loyalty", DISABLED),
)


@contextmanager
def running(target: Target, pause: float = PAUSE_SECONDS) -> Iterator[None]:
    """Send messages until the context exits.

    Args:
        target: the local cloud; it must be able to reach 127.0.0.1.
        pause: the seconds between two messages.
    """
    stop = Event()
    with Receiver() as receiver:
        thread = Thread(
            target=_send, args=(target, receiver.url, pause, stop), name="traffic", daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(_STOP_SECONDS)


def _send(target: Target, url: str, pause: float, stop: Event) -> None:
    api = ApiClient(target)
    api.endpoints("PUT", f"/{DISABLED}", {"url": f"{url}/script/200", "enabled": False})
    for number, (about, where) in enumerate(cycle(SCENARIOS), start=1):
        message_id = f"{about}-{secrets.token_hex(3)}"
        to = {"endpointId": where} if where == DISABLED else {"targetUrl": url + where}
        body = {"messageId": message_id, **to, "payload": {about: number}}
        hand_over(api, Line(number, json.dumps(body).encode()))
        if stop.wait(pause):
            return
