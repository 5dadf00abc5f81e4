"""The simulation runs only the core of `accept`; the whole handler gives the same histories."""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING, Any

import pytest
from posted import posted

from homing.settings import AcceptSettings
from homing.targets.address_guard import AddressGuard
from lambdas import accept
from simulation.deployment import Deployment
from simulation.engine.clock import MINUTE, to_datetime
from simulation.engine.faults import Fault, FaultKind
from simulation.engine.replay import TAPE
from simulation.scenario import Answer, Outage, Scenario, Submission
from simulation.search.exhaustive import BATCH

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulation.deployed.edges import Edges
    from simulation.history import History

DEPLOYMENT = Deployment()
SETTINGS = AcceptSettings(
    messages_table="messages",
    ledger_table="ledger",
    delivery_queue_url="deliveries",
    bulk_queue_url="deliveries",
    default_policy=DEPLOYMENT.policy,
    retention_days=DEPLOYMENT.retention_days,
    endpoints_table="endpoints",
    payload_bucket="",
    sender_rate_per_second=0,
    sender_backlog=1000,
    warm_up_topic_arn="arn:aws:sns:us-east-1:123456789012:warm-up",
    lines_table="lines",
    places_table="places",
    address_guard=AddressGuard(allow_http=True),
    own_hosts="own.example",
)
SENT_TWICE = Scenario(
    (Submission("m0", ("a", "b")), Submission("m0", ("a", "b"), at=6 * MINUTE)),
    {"a": (Answer(503), Answer(200)), "b": (Answer(410),)},
)
FIRST_CALL = "sender:m0#1/2:lambda.invoke"
FAULTS = {
    "none": {},
    "the answer to the idempotency record is lost": {
        f"{FIRST_CALL}/1:dynamodb.put_item": Fault(FaultKind.LOST)
    },
    "a crash between idempotency record and queue": {
        f"{FIRST_CALL}/2:sqs.send_message_batch": Fault(FaultKind.CRASH_BEFORE)
    },
    "a crash after the queue": {
        f"{FIRST_CALL}/2:sqs.send_message_batch": Fault(FaultKind.CRASH_AFTER)
    },
}


class Clock:
    """Stands for `datetime` in the handler."""

    @staticmethod
    def now(zone: Any) -> Any:
        assert zone is UTC
        return to_datetime(TAPE.started)


def whole_handler(event: dict[str, Any]) -> dict[str, Any]:
    """Call the whole handler, as the HTTP API does."""
    answer = accept.handler(posted(event["body"]), None)
    return {"status": answer["statusCode"], "deliveries": _ids(json.loads(answer["body"]))}


def whole_batch(event: dict[str, Any]) -> dict[str, Any]:
    """Call the whole handler with several messages, as the HTTP API does."""
    answer = accept.handler(posted(event["body"], path="/v1/messages/batch"), None)
    results = [
        {"status": each["status"], "deliveries": _ids(each.get("message", {}))}
        for each in json.loads(answer["body"])["results"]
    ]
    return {"results": results}


def _ids(document: dict[str, Any]) -> list[str]:
    return [each["deliveryId"] for each in document.get("deliveries", [])]


@pytest.fixture
def accept_in_the_world(edges: Edges, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accept, "_settings", lambda: SETTINGS)
    monkeypatch.setattr(accept, "_acceptance", lambda: edges.acceptance)
    monkeypatch.setattr(accept, "datetime", Clock)
    monkeypatch.setattr(accept, "log_message", lambda *_, **__: None)


def what_came(history: History) -> Any:
    journal = history.journal
    return journal.accepted, journal.refused, journal.sent, history.ledger, journal.dead


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.usefixtures("accept_in_the_world")
def test_the_whole_of_accept_makes_the_same_history(
    run: Callable[..., History], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    ours = run(SENT_TWICE, FAULTS[name])
    monkeypatch.setattr("simulation.cloud.run_accept", whole_handler)
    assert what_came(run(SENT_TWICE, FAULTS[name])) == what_came(ours)
    assert ours.faults == FAULTS[name]
    assert len(ours.journal.accepted) == 2


@pytest.mark.usefixtures("accept_in_the_world")
def test_the_whole_of_accept_makes_the_same_history_of_several_messages_at_once(
    run: Callable[..., History], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = run(BATCH)
    monkeypatch.setattr("simulation.cloud.run_accept_batch", whole_batch)
    assert what_came(run(BATCH)) == what_came(ours)
    assert (len(ours.journal.accepted), ours.journal.refused) == (4, [503])


@pytest.mark.usefixtures("accept_in_the_world")
def test_the_whole_of_accept_promises_nothing_that_it_cannot_keep(
    run: Callable[..., History], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulation.cloud.run_accept", whole_handler)
    scenario = Scenario(
        (Submission("m0", ("a",)),),
        {"a": (Answer(200),)},
        outages=(Outage("dynamodb", 0, 10 * MINUTE),),
    )
    history = run(scenario)
    assert (history.journal.refused, history.journal.accepted) == ([503] * 4, {})
