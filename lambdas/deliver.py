"""State `Deliver`: make one HTTP request and tell what came of it."""

from __future__ import annotations

from functools import cache
from typing import Any

from homing.delivery import Reference, Request
from homing.sender import Sender
from homing.settings import DeliverSettings


@cache
def _sender() -> Sender:
    return Sender(attempt_timeout_seconds=DeliverSettings.from_env().attempt_timeout_seconds)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Give the `outcome` of the attempt (docs/architecture.md, Deliver)."""
    outcome = _sender().send(
        Reference.from_document(event["reference"]), Request.from_document(event["request"])
    )
    return outcome.to_document()
