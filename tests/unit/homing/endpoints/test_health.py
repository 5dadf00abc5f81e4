"""When an endpoint is failing, healthy again or disabled, and how this is recorded and logged."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from homing.credentials.confidential import Confidential
from homing.endpoints.endpoint import Endpoint
from homing.endpoints.health import Finding, Step, examine
from homing.endpoints.health_recorder import EndpointWatch
from homing.endpoints.store import EndpointStore
from homing.errors import DependencyError
from homing.retry.outcome import AttemptError, ErrorKind, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

NOON, LATER = "2025-12-28T12:00:00.000Z", "2025-12-28T17:00:00.000Z"
LIMIT = timedelta(hours=5)
HEALTHY = Endpoint("shop", "orders", "https://example.com/", NOON, NOON)
FAILING = replace(HEALTHY, failing_since=NOON)

FINDINGS = (
    Finding(Step.NOTE_FAILURE),
    Finding(Step.NOTE_SUCCESS, run=NOON),
    Finding(Step.DISABLE, "it answered 410 Gone"),
    Finding(Step.DISABLE, "it has only failed", run=NOON),
)


def answered(status: int, at: str = LATER) -> Outcome:
    return Outcome(at, 12, http_status=status)


def broke_off(kind: ErrorKind) -> Outcome:
    return Outcome(LATER, 12, error=AttemptError(kind, "why"))


@pytest.mark.parametrize(
    ("endpoint", "outcome", "step"),
    [
        (HEALTHY, answered(200), None),
        (FAILING, answered(204), Step.NOTE_SUCCESS),
        (HEALTHY, answered(500), Step.NOTE_FAILURE),
        (HEALTHY, answered(404), Step.NOTE_FAILURE),
        (HEALTHY, answered(301), Step.NOTE_FAILURE),
        (HEALTHY, broke_off(ErrorKind.CONNECT), Step.NOTE_FAILURE),
        (HEALTHY, broke_off(ErrorKind.TIMEOUT), Step.NOTE_FAILURE),
        (FAILING, answered(500, "2025-12-28T16:59:59.999Z"), None),
        (FAILING, answered(500), Step.DISABLE),
        (FAILING, broke_off(ErrorKind.DNS), Step.DISABLE),
        (HEALTHY, answered(410), Step.DISABLE),
        (FAILING, broke_off(ErrorKind.INTERNAL), None),
        (FAILING, broke_off(ErrorKind.BLOCKED), None),
        (FAILING, broke_off(ErrorKind.DISABLED), None),
    ],
)
def test_what_an_outcome_says_of_its_endpoint(
    endpoint: Endpoint, outcome: Outcome, step: Step | None
) -> None:
    finding = examine(endpoint, outcome, LIMIT)
    assert (finding and finding.step) == step


def test_without_a_limit_only_a_410_disables() -> None:
    assert examine(FAILING, answered(500), None) is None
    assert examine(FAILING, answered(410), None) == Finding(Step.DISABLE, "it answered 410 Gone")


@pytest.fixture
def store(registry: Any) -> EndpointStore:
    store = EndpointStore("endpoints", "secrets", registry)
    assert store.save(HEALTHY, Confidential())
    return store


@pytest.fixture
def watch(registry: Any) -> EndpointWatch:
    return EndpointWatch("endpoints", registry, LIMIT)


@pytest.fixture
def now(store: EndpointStore) -> Callable[[], Endpoint]:
    def read() -> Endpoint:
        found = store.endpoints.find("shop", "orders")
        assert found is not None
        return found

    return read


def test_a_run_of_failures_is_noted_once_and_taken_away_by_a_success(
    watch: EndpointWatch, now: Callable[[], Endpoint]
) -> None:
    assert watch.record(HEALTHY, Finding(Step.NOTE_FAILURE), NOON)
    assert not watch.record(HEALTHY, Finding(Step.NOTE_FAILURE), LATER)
    assert now() == FAILING
    assert not watch.record(HEALTHY, Finding(Step.NOTE_SUCCESS, run=LATER), NOON)
    assert watch.record(HEALTHY, Finding(Step.NOTE_SUCCESS, run=NOON), LATER)
    assert now() == HEALTHY


def test_of_several_at_once_one_disables(watch: EndpointWatch, now: Callable[[], Endpoint]) -> None:
    finding = Finding(Step.DISABLE, "it answered 410 Gone")
    assert [watch.record(HEALTHY, finding, NOON) for _ in range(3)] == [True, False, False]
    assert (now().enabled, now().disabled_at, now().version) == (False, NOON, 2)
    assert now().disabled_reason == "it answered 410 Gone"


def test_an_endpoint_that_its_sender_has_changed_meanwhile_is_not_disabled(
    watch: EndpointWatch, store: EndpointStore, now: Callable[[], Endpoint]
) -> None:
    assert store.save(replace(HEALTHY, url="https://new.example/", version=2))
    assert not watch.record(HEALTHY, Finding(Step.DISABLE, "old news"), NOON)
    assert now().enabled


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: finding.step)
@pytest.mark.parametrize(
    "changed",
    [
        replace(FAILING, url="https://new.example/", version=2),
        replace(FAILING, description="the same, told otherwise", version=2),
    ],
)
def test_an_outcome_from_before_a_change_counts_neither_for_nor_against_what_came_of_it(
    watch: EndpointWatch,
    store: EndpointStore,
    now: Callable[[], Endpoint],
    changed: Endpoint,
    finding: Finding,
) -> None:
    assert store.save(changed)
    assert not watch.record(FAILING, finding, LATER)
    assert now() == changed


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: finding.step)
def test_an_outcome_does_not_count_for_another_endpoint_of_the_same_id(
    watch: EndpointWatch, store: EndpointStore, now: Callable[[], Endpoint], finding: Finding
) -> None:
    """An endpoint that is deleted and created again counts its versions from 1 again."""
    again = replace(FAILING, created_at=LATER)
    assert store.delete("shop", "orders")
    assert store.save(again, Confidential())
    assert not watch.record(FAILING, finding, LATER)
    assert now() == again


def test_a_run_that_a_success_has_ended_meanwhile_disables_nothing(
    watch: EndpointWatch, now: Callable[[], Endpoint]
) -> None:
    """Another container has seen the success; this one still remembers the failures."""
    assert watch.record(HEALTHY, Finding(Step.NOTE_FAILURE), NOON)
    assert watch.record(FAILING, Finding(Step.NOTE_SUCCESS, run=NOON), LATER)
    stale = examine(FAILING, answered(503), LIMIT)
    assert stale is not None
    assert not watch.record(FAILING, stale, LATER)
    assert now().enabled


@pytest.mark.parametrize("step", Step)
def test_a_deleted_endpoint_does_not_come_back(
    watch: EndpointWatch, store: EndpointStore, step: Step
) -> None:
    assert store.delete("shop", "orders")
    assert not watch.record(FAILING, Finding(step), NOON)
    assert store.endpoints.find("shop", "orders") is None


@pytest.mark.usefixtures("store")
def test_a_table_that_cannot_be_written_is_an_error(registry: Any) -> None:
    watch = EndpointWatch("no-such-table", registry, LIMIT)
    with pytest.raises(DependencyError, match="ResourceNotFound"):
        watch.record(HEALTHY, Finding(Step.NOTE_FAILURE), NOON)
