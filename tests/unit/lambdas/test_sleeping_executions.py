"""A delivery may wait for a year, and its execution keeps the definition of its start.

That old definition passes documents in its own format to the current code, and reads the fields
that it knows from the responses. `documents/` contains such documents, one file for each format so
far. A file may be deleted a year after the next one was added, when no execution can have its
format.
"""

from __future__ import annotations

import json
from ipaddress import ip_network
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from homing.delivery import Delivery, Reference, Request, document_text, read_delivery
from homing.ledger.generation import redriven, resumed
from homing.ledger.record import Record
from homing.retry.classification import Status
from homing.targets.address_guard import AddressGuard
from homing.timestamps import from_text
from homing_cli.receiver.server import Receiver
from lambdas import classify, compute_backoff, deliver, record_retry

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES = sorted((Path(__file__).parent / "documents").glob("*.json"))
CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 20_000)
HANDLERS = {
    "Classify": classify.handler,
    "ComputeBackoff": compute_backoff.handler,
    "RecordRetry": record_retry.handler,
}


class Chance:
    """A random source that draws the same number as when the responses were recorded."""

    def random(self) -> float:
        return 0.25


@pytest.fixture(autouse=True)
def environment(
    registry: Any, ledger_table: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    guard = AddressGuard(allowed_networks=(ip_network("127.0.0.0/8"),))
    for name, value in {
        "ATTEMPT_TIMEOUT_SECONDS": "5",
        "ADDRESS_GUARD": json.dumps(guard.to_document()),
        "LEDGER_TABLE": ledger_table.name,
        "LINES_TABLE": "lines",
        "PLACES_TABLE": "places",
        "ENDPOINTS_TABLE": "endpoints",
        "SECRETS_TABLE": "secrets",
        "PAYLOAD_BUCKET": "payloads",
        "OWN_HOSTS": "abc123.execute-api.",
        "DISABLE_AFTER_HOURS": "120",
        "RETENTION_DAYS": "30",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(compute_backoff, "_chance", Chance())
    caches = (
        *(deliver._deliverer, deliver._ledger),
        *(compute_backoff._settings, record_retry._ledger),
    )
    for cache in caches:
        cache.cache_clear()  # the test starts with a new container
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def frozen(request: pytest.FixtureRequest) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(request.param.read_text())
    return read


def known_part(answer: Any, known: Any) -> Any:
    """Return the fields of a response that the recorded one has; new fields do not matter."""
    if isinstance(known, dict) and isinstance(answer, dict):
        return {name: known_part(answer[name], known[name]) for name in known if name in answer}
    return answer


def test_there_is_a_document_to_hold_the_code_to() -> None:
    assert FILES


@pytest.mark.parametrize("state", HANDLERS)
def test_a_state_of_an_old_definition_is_answered_as_it_was(
    frozen: dict[str, Any], state: str
) -> None:
    task = frozen["states"][state]
    answer = HANDLERS[state](task["input"], CONTEXT)
    assert known_part(answer, task["answer"]) == task["answer"]


def test_an_attempt_of_an_old_definition_is_claimed_and_made(
    frozen: dict[str, Any], ledger_table: Any
) -> None:
    task = frozen["states"]["Deliver"]
    with Receiver() as receiver:
        task["input"]["reference"]["targetUrl"] = f"{receiver.url}/script/503;retry-after=2"
        owned = frozen["document"] | {"reference": task["input"]["reference"]}
        reference = Reference.from_document(owned["reference"])
        task["input"]["claim"]["executionName"] = reference.delivery_id
        assert deliver._ledger().own(reference, owned) is None
        answer = deliver.handler(task["input"], CONTEXT)
        (arrival,) = receiver.arrivals
        deliver._deliverer().close()
    assert arrival.body.decode() == frozen["document"]["request"]["payload"]
    assert answer.keys() >= task["answer"].keys()
    assert (answer["httpStatus"], answer["retryAfter"], answer["error"]) == (503, "2", None)
    (record,) = ledger_table.items()
    assert record["claimedAttempt"]["N"] == str(task["input"]["attemptNumber"])
    assert record["executionName"]["S"] == task["input"]["claim"]["executionName"]


def test_an_old_document_is_read_from_a_queue_and_can_be_brought_back(
    frozen: dict[str, Any],
) -> None:
    document, delivery = read_delivery(document_text(frozen["document"]))
    again = delivery.to_document()
    assert known_part(again, document) == document
    now = from_text("2025-12-29T12:00:00.000Z")
    assert Delivery.from_document(redriven(document, 1, now)).generation == 1


def test_the_retry_on_record_of_an_old_document_can_be_gone_on_with(
    frozen: dict[str, Any],
) -> None:
    backoff = frozen["states"]["RecordRetry"]["input"]["backoff"]
    record = Record(
        created_at=frozen["document"]["reference"]["createdAt"],
        status=Status.RETRY_SCHEDULED,
        attempts=1,
        last_updated_at=backoff["nextRetryAt"],
        next_retry_at=backoff["nextRetryAt"],
        expires_at=backoff["next"]["expiresAt"],
        history=(backoff,),
    )
    document = resumed(frozen["document"], record)
    assert {name: document[name] for name in backoff["next"]} == backoff["next"]


def test_an_old_document_of_a_large_payload_is_read(frozen: dict[str, Any]) -> None:
    claim = Request.from_document(frozen["largeRequest"]).claim
    assert claim is not None
    assert (
        known_part(claim.to_document(), frozen["largeRequest"]["claim"])
        == (frozen["largeRequest"]["claim"])
    )
