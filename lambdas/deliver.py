"""The state `Deliver`: it makes one HTTP request and returns its outcome.

After a wait, it claims the attempt first.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import timedelta
from functools import cache
from random import SystemRandom
from typing import TYPE_CHECKING, Any

from homing import deadline
from homing.delivery import Reference, Request
from homing.http.tls import default_tls
from homing.retry.classification import outcome_document
from homing.retry.not_attempted import Superseded
from homing.sending.deliverer import Deliverer
from homing.sending.webhook_client import WebhookClient, utc_now
from homing.settings import DeliverSettings
from homing.timeouts import Timeouts
from lambdas.initialization import connect, initialize
from lambdas.warm_up import is_warm_up

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from homing.ledger.claim import AttemptClaim
    from homing.ledger.table import Ledger


@cache
def _registry() -> DynamoDBClient:
    from homing.endpoints.registry_client import registry_client  # noqa: PLC0415  # as below

    return registry_client()


@cache
def _deliverer() -> Deliverer:
    # These import botocore, which takes longer than all other imports of this function together.
    from homing.endpoints.concurrency import ConcurrencySlots  # noqa: PLC0415
    from homing.endpoints.health_recorder import EndpointWatch  # noqa: PLC0415
    from homing.endpoints.rate_slots import RateSlots  # noqa: PLC0415
    from homing.ordering.lines_table import Lines  # noqa: PLC0415
    from homing.ordering.turns import Turns  # noqa: PLC0415
    from homing.payloads.store import PayloadStore  # noqa: PLC0415
    from homing.sending.pacing import Pacing  # noqa: PLC0415
    from homing.sending.recipients import Recipients  # noqa: PLC0415

    settings, client = DeliverSettings.from_env(), _registry()
    lasts = timedelta(seconds=Timeouts(settings.attempt_timeout_seconds).deliver)
    return Deliverer(
        sender=WebhookClient(
            attempt_timeout_seconds=settings.attempt_timeout_seconds, guard=settings.guard
        ),
        recipients=Recipients.connect(settings, client),
        watch=EndpointWatch.connect(settings, client),
        slots=ConcurrencySlots.connect(settings, client),
        pacing=Pacing(RateSlots.connect(settings, client), time.sleep),
        turns=Turns(Lines(settings.lines_table, client), lasts),
        fetch=PayloadStore(settings.payload_bucket).fetch,
        now=utc_now,
        chance=SystemRandom().random,
        report=_report,
    )


def _report(event: str, fields: dict[str, str]) -> None:
    """Log without Powertools, which would double the start time of this function."""
    sys.stdout.write(json.dumps({"level": "WARNING", "message": event, **fields}) + "\n")


@cache
def _ledger() -> Ledger:
    from homing.aws import client  # noqa: PLC0415  # as above
    from homing.ledger.table import Ledger  # noqa: PLC0415  # as above

    # A slow ledger must not use up the time of the attempt.
    dynamodb = client("dynamodb", read_seconds=1, tries=2)
    return Ledger(DeliverSettings.from_env().ledger_table, dynamodb)


def _claim(reference: Reference, event: dict[str, Any]) -> AttemptClaim | Superseded | None:
    """Claim an attempt that has waited. A first attempt has not waited and needs no claim.

    If the previous attempt could not be recorded because another execution has the delivery,
    return `Superseded` without calling the ledger.
    """
    if "claim" not in event:
        return None
    if event["claim"].get("isRefused"):
        return Superseded()
    from homing.ledger.claim import AttemptClaim  # noqa: PLC0415  # as above

    claim = _ledger().claim(reference, AttemptClaim.from_event(event))
    if isinstance(claim, AttemptClaim) and claim.unrecorded is not None:
        _report("claim.unrecorded", {**reference.ids(), "reason": claim.unrecorded})
    return claim


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Make an attempt and return its `outcome` (docs/architecture.md, Deliver)."""
    if is_warm_up(event):
        return {}
    deadline.begin(context)
    reference = Reference.from_document(event["reference"])
    claim = _claim(reference, event)
    if isinstance(claim, Superseded):
        return outcome_document(claim)
    outcome = _deliverer().deliver(
        reference,
        Request.from_document(event["request"]),
        claim,
        time_left=lambda: context.get_remaining_time_in_millis() / 1000,
    )
    return outcome_document(outcome)


def _look_at_endpoints() -> None:
    from homing.endpoints.endpoints_table import EndpointsTable  # noqa: PLC0415  # as above

    # A look-up of an endpoint that does not exist opens the connection for later look-ups.
    EndpointsTable(DeliverSettings.from_env().endpoints_table, _registry()).find("-", "-")


initialize(_deliverer, _ledger, default_tls)
connect(_look_at_endpoints)
