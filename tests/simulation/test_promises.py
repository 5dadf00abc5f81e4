"""The promises of docs/reliability.md, kept in simulated histories."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from homing.recovery.watchdog import Finding
from lambdas import record_retry
from simulation.checks.invariants import violations
from simulation.checks.view import View
from simulation.deployment import Deployment
from simulation.engine.clock import DAY, HOUR, MINUTE, SECOND, from_iso
from simulation.engine.faults import STOPS, Fault, FaultKind
from simulation.engine.plans import Census, Listed
from simulation.errors import SimulationError
from simulation.history import run_history
from simulation.items import history_of, status_of, text_of
from simulation.scenario import (
    START,
    Act,
    Answer,
    Intervention,
    Outage,
    Scenario,
    Submission,
    Subscribing,
)
from simulation.search.drawing import draw_case, draw_ordered_case
from simulation.search.exhaustive import (
    BATCH,
    BURST,
    INGESTED,
    RATED,
    SEED,
    scenarios,
    single_faults,
)
from simulation.search.search import search_seeds
from simulation.services import step_functions

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulation.deployed.edges import Edges
    from simulation.history import History

GOOD, BUSY, GONE = Answer(200), Answer(503), Answer(410)


def one(*answers: Answer, **given: Any) -> Scenario:
    return Scenario((Submission("m0", ("a",)),), {"a": answers}, **given)


def statuses(history: History) -> list[str]:
    return sorted(status_of(item) for item in history.ledger.values())


def without_express_path(scenario: Scenario) -> Scenario:
    return replace(scenario, deployment=Deployment(express_path_is_on=False))


SCENARIOS = {
    "delivered at once": ((GOOD,), "DELIVERED", 1),
    "delivered at the third attempt": ((BUSY, BUSY, GOOD), "DELIVERED", 3),
    "given up": ((GONE,), "FAILED", 1),
    "limit reached": ((BUSY,), "MAX_RETRIES_EXCEEDED", 3),
    "refused, then delivered": ((Answer(None), GOOD), "DELIVERED", 2),
    "too slow, then delivered": ((Answer(200, takes=40 * SECOND), GOOD), "DELIVERED", 2),
}


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("express_path", [True, False], ids=["express path on", "express path off"])
def test_without_a_fault_every_delivery_ends_as_it_should_with_one_request_per_attempt(
    run: Callable[..., History], scenario: str, express_path: bool
) -> None:
    answers, status, attempts = SCENARIOS[scenario]
    history = run(one(*answers) if express_path else without_express_path(one(*answers)))
    assert violations(history) == []
    assert (statuses(history), len(history.journal.sent)) == ([status], attempts)
    assert bool(history.journal.dead) == (status != "DELIVERED")


def test_a_mistake_in_a_handler_ends_the_simulation_and_is_no_fault_of_a_history(
    run: Callable[..., History], monkeypatch: pytest.MonkeyPatch
) -> None:
    def misspelt() -> None:
        raise KeyError("LEDGER_TABLE")

    monkeypatch.setattr(record_retry, "_ledger", misspelt)
    with pytest.raises(SimulationError, match="KeyError"):
        run(one(BUSY, GOOD))


@pytest.mark.parametrize(
    ("policy", "answers", "status", "attempts"),
    [
        ({"retryOn": ["404"]}, (Answer(404), Answer(404), GOOD), "DELIVERED", 3),
        ({"retryOn": ["4xx"], "giveUpOn": ["404"]}, (Answer(400), Answer(404)), "FAILED", 2),
        ({"giveUpOn": ["5xx"]}, (BUSY, GOOD), "FAILED", 1),
        ({"preset": "standard-webhooks"}, (Answer(302), Answer(400), GOOD), "DELIVERED", 3),
        ({"preset": "standard-webhooks"}, (GONE, GOOD), "FAILED", 1),
    ],
)
def test_a_message_is_tried_again_at_the_statuses_that_its_policy_names(
    run: Callable[..., History],
    policy: dict[str, Any],
    answers: tuple[Answer, ...],
    status: str,
    attempts: int,
) -> None:
    history = run(Scenario((Submission("m0", ("a",), policy=policy),), {"a": answers}))
    assert violations(history) == []
    assert statuses(history) == [status]
    assert len(history.journal.sent) == attempts


def test_attempts_at_an_endpoint_with_a_rate_come_at_its_pace_and_use_up_none_by_waiting(
    run: Callable[..., History],
) -> None:
    history = run(RATED)
    assert violations(history) == []
    assert statuses(history) == ["DELIVERED"] * 5
    assert Counter(sent.attempt for sent in history.journal.sent) == {0: 5, 1: 2}
    first, *_, last = sorted(sent.instant for sent in history.journal.sent)
    pause = 7 * SECOND
    assert pause + 4 * SECOND < last - first < pause + 7 * SECOND


@pytest.mark.parametrize("bulk", [1.0, 0.5])
def test_what_exceeds_a_burst_is_delivered_from_the_bulk_queue_and_once(
    run: Callable[..., History], bulk: float
) -> None:
    history = run(replace(BURST, deployment=Deployment(bulk=bulk)))
    assert violations(history) == []
    assert statuses(history) == ["DELIVERED"]
    assert len(history.journal.sent) == 2


def test_random_histories_with_rates_and_bursts_break_no_promise(edges: Edges) -> None:
    broken = {}
    for seed in range(60):
        case = draw_case(seed)
        limits = replace(case.scenario.deployment, rate_per_second=1, bulk=0.5)
        scenario = replace(case.scenario, deployment=limits)
        found = violations(run_history(scenario, case.plan(), seed, edges))
        if found:
            broken[seed] = found
    assert broken == {}


def test_what_the_queue_refuses_of_a_request_is_sent_again_and_the_rest_is_accepted_at_once(
    run: Callable[..., History],
) -> None:
    history = run(BATCH)
    assert violations(history) == []
    assert history.journal.refused == [503]
    assert sorted(history.journal.lists) == ["m0", "m1", "m2"]
    assert statuses(history) == ["DELIVERED", "DELIVERED", "DELIVERED", "FAILED"]


def test_an_outage_keeps_what_is_on_the_ingest_queue_and_sets_aside_only_what_is_invalid(
    run: Callable[..., History],
) -> None:
    history = run(replace(INGESTED, outages=(Outage("dynamodb", 0, 3 * MINUTE),)))
    assert violations(history) == []
    assert sorted(history.journal.lists) == ["m0", "m2"]
    assert history.journal.unaccepted == {"m1"}


def test_what_could_not_be_accepted_in_any_try_is_set_aside(
    run: Callable[..., History],
) -> None:
    history = run(replace(INGESTED, outages=(Outage("dynamodb", 0, DAY),)))
    assert violations(history) == []
    assert history.journal.unaccepted == {"m0", "m1", "m2"}


def test_random_histories_break_no_promise() -> None:
    tally = search_seeds(0, 200)
    assert tally.findings == []
    assert tally.counts["histories"] == 200
    assert tally.counts["faults"] > 150


def test_random_histories_of_messages_with_ordering_keys_break_no_promise() -> None:
    tally = search_seeds(0, 120, draw_ordered_case)
    assert tally.findings == []
    assert tally.counts["deliveries"] > 300
    assert tally.counts["faults"] > 100


def test_the_messages_of_a_key_arrive_one_after_the_other(run: Callable[..., History]) -> None:
    answers = (Answer(503), Answer(200, takes=900), Answer(200), Answer(503), Answer(200))
    submissions = tuple(
        Submission(f"m{number}", ("a",), at=40 * number, ordering_key="k") for number in range(3)
    )
    history = run(Scenario(submissions, {"a": answers}))
    assert violations(history) == []
    messages = [sent.webhook_id for sent in history.journal.sent]
    assert messages == ["m0", "m0", "m1", "m2", "m2"]
    assert history.places == {}


def test_a_failure_blocks_its_line_until_it_is_redriven(run: Callable[..., History]) -> None:
    submissions = tuple(
        Submission(f"m{number}", (), at=40 * number, event_type="order.paid", ordering_key="k")
        for number in range(2)
    )
    scenario = Scenario(
        submissions,
        {"a": (Answer(410), Answer(200))},
        subscriptions=(Subscribing("a", ("*",), blocks=True),),
    )
    blocked = run(scenario)
    assert violations(blocked) == []
    assert [sent.webhook_id for sent in blocked.journal.sent] == ["m0"]
    for act in (Act.REDRIVE, Act.CANCEL):
        acting = replace(scenario, interventions=(Intervention(act, "m0", "a", 60_000),))
        history = run(acting)
        assert violations(history) == []
        assert [sent.webhook_id for sent in history.journal.sent][-1] == "m1"


# Seeds that once showed a broken promise, or a wrong invariant.
FOUND = {
    "refused at once, counted as under way for 20 ms": 770_003_701,
    "a refused execution cannot claim and makes its next attempt": 22_617,
    "a failure of an attempt without a claim is not listed": 52_156,
    "an execution whose retry was refused claims the next attempt": 66_388,
}


@pytest.mark.parametrize("found", FOUND)
def test_no_seed_that_ever_broke_a_promise_breaks_one_again(found: str) -> None:
    assert search_seeds(FOUND[found], FOUND[found] + 1).findings == []


FOUND_IN_ORDER = {
    "a place that is written late, after its line has gone past it": 511,
    "a clock that is behind has an attempt due again at once, while the tables are down": 1_701,
}


@pytest.mark.parametrize("found", FOUND_IN_ORDER)
def test_no_ordered_seed_that_ever_broke_a_promise_breaks_one_again(found: str) -> None:
    seed = FOUND_IN_ORDER[found]
    assert search_seeds(seed, seed + 1, draw_ordered_case).findings == []


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(5, id="express path on"),
        pytest.param(24, id="detached", marks=pytest.mark.slow),
        pytest.param(29, id="every message twice", marks=pytest.mark.slow),
        pytest.param(59, id="express path off", marks=pytest.mark.slow),
        pytest.param(-5, id="several in a request, some refused", marks=pytest.mark.slow),
        pytest.param(-4, id="the ingest queue"),
        pytest.param(-2, id="an endpoint with a rate", marks=pytest.mark.slow),
        pytest.param(-1, id="beyond the burst"),
    ],
)
def test_no_single_fault_at_any_call_breaks_a_promise(edges: Edges, number: int) -> None:
    """`make simulate` runs all of them."""
    scenario = list(scenarios())[number]
    broken = {}
    for trial in single_faults(scenario, edges):
        found = violations(run_history(trial.scenario, trial.plan(), SEED, edges))
        if found:
            broken[tuple(trial.faults)] = found
    assert broken == {}


def test_the_exhaustive_part_breaks_every_kind_of_call_in_every_way(edges: Edges) -> None:
    met: Counter[tuple[str, FaultKind]] = Counter()
    for scenario in scenarios():
        census = Census()
        run_history(scenario, census, SEED, edges)
        for label, kinds in census.boundaries.items():
            met.update((label.rpartition(":")[2], kind) for kind in kinds)
    operations = {operation for operation, kind in met if kind not in STOPS}
    assert operations == {
        *("dynamodb.put_item", "dynamodb.get_item", "dynamodb.query", "dynamodb.update_item"),
        *("dynamodb.batch_get_item", "dynamodb.delete_item", "dynamodb.scan"),
        *("sqs.receive", "sqs.delete", "sqs.send_message", "sqs.send_message_batch"),
        *("dynamodb.batch_get_item", "sqs.receive_message", "sqs.delete_message"),
        *("sqs.ingest_receive", "sqs.ingest_delete", "sqs.change_message_visibility"),
        *("states.start_execution", "states.start_sync_execution", "states.describe_execution"),
        *("lambda.invoke", "http.post", "function.sleep"),
    }
    assert {kind for _, kind in met} == set(FaultKind)
    stopped_at = {state for state, kind in met if kind in STOPS}
    assert stopped_at >= {"WaitUntilDue", "Deliver", "RecordFailure", "DeadLetter", "ListFailure"}


def test_fifty_equal_submissions_at_once_run_one_first_attempt(run: Callable[..., History]) -> None:
    same = tuple(Submission("m0", ("a",)) for _ in range(50))
    history = run(Scenario(same, {"a": (GOOD,)}))
    assert violations(history) == []
    assert (statuses(history), len(history.journal.sent)) == (["DELIVERED"], 1)


@pytest.mark.parametrize("later", [0, 10 * SECOND, 6 * MINUTE, 20 * DAY])
def test_a_duplicate_at_any_moment_makes_no_second_delivery(
    run: Callable[..., History], later: int
) -> None:
    twice = (Submission("m0", ("a",)), Submission("m0", ("a",), at=later))
    history = run(Scenario(twice, {"a": (BUSY, GOOD)}))
    assert violations(history) == []
    assert (statuses(history), len(history.journal.sent)) == (["DELIVERED"], 2)


def test_messages_of_one_delivery_in_one_batch_make_one_first_attempt(
    run: Callable[..., History],
) -> None:
    """See docs/decisions/0006: a backlog older than the deduplication window, a duplicate."""
    scenario = Scenario(
        (Submission("m0", ("a",)), Submission("m0", ("a",), at=6 * MINUTE)),
        {"a": (GOOD,)},
        outages=(Outage("sqs.receive", 0, 7 * MINUTE),),
        workers=1,
    )
    histories = [run(scenario, seed=seed) for seed in range(1, 6)]
    assert [violations(history) for history in histories] == [[]] * 5
    assert [len(history.journal.sent) for history in histories] == [1] * 5


SLOW_SCENARIOS = {
    "delivered": ((Answer(200, takes=14 * SECOND),), "DELIVERED", 1, 0),
    "timed out, then delivered": ((Answer(200, takes=40 * SECOND), GOOD), "DELIVERED", 2, 0),
    "given up": ((Answer(410, takes=14 * SECOND),), "FAILED", 1, 2),
}


@pytest.mark.parametrize("scenario", SLOW_SCENARIOS)
def test_a_first_attempt_that_is_detached_ends_as_it_would_have_and_is_made_once(
    run: Callable[..., History], scenario: str
) -> None:
    """See docs/decisions/0055. In case of doubt there are two dead letters (0006)."""
    answers, status, attempts, dead_letters = SLOW_SCENARIOS[scenario]
    history = run(one(*answers))
    assert violations(history) == []
    assert history.journal.detached == 1
    assert (statuses(history), len(history.journal.sent)) == ([status], attempts)
    assert sum(map(len, history.journal.dead.values())) == dead_letters


def test_two_messages_of_a_delivery_that_is_detached_make_one_first_attempt(
    run: Callable[..., History],
) -> None:
    """See docs/decisions/0006 and 0055: the second message returns to the queue with the first."""
    scenario = Scenario(
        (Submission("m0", ("a",)), Submission("m0", ("a",), at=6 * MINUTE)),
        {"a": (Answer(200, takes=9 * SECOND),)},
        outages=(Outage("sqs.receive", 0, 7 * MINUTE),),
        workers=1,
    )
    histories = [run(scenario, seed=seed) for seed in range(1, 6)]
    assert [violations(history) for history in histories] == [[]] * 5
    assert [len(history.journal.sent) for history in histories] == [1] * 5
    assert max(history.journal.detached for history in histories) == 2


def test_a_delivery_that_is_deferred_arrives_later_at_its_first_attempt(
    run: Callable[..., History],
) -> None:
    history = run(one(GOOD, deployment=Deployment(defers=1.0)))
    assert violations(history) == []
    assert (statuses(history), len(history.journal.sent)) == (["DELIVERED"], 1)
    assert [each.is_express for each in history.journal.executions] == [False]


def test_a_message_is_dead_lettered_once_the_dead_letter_queue_is_back(
    run: Callable[..., History],
) -> None:
    """See docs/decisions/0006. The queue is down for longer than all tries take."""
    history = run(one(GONE, outages=(Outage("sqs.send_message", 0, 2 * HOUR),)))
    assert history.journal.undispatched == 1
    assert violations(history) == []
    assert statuses(history) == ["FAILED"]
    assert len(history.journal.dead) == 1


def test_a_retry_that_cannot_be_recorded_is_owned_by_its_execution_before_that_sleeps(
    run: Callable[..., History],
) -> None:
    """See docs/decisions/0006. RecordRetry fails, and so does the deletion of the queue message."""
    scenario = one(Answer(503, retry_after="3600"), GOOD, workers=1)
    faults = {
        "express:m0@a#1/4:lambda.invoke": Fault(FaultKind.BROKEN),
        "worker-0/3:sqs.delete": Fault(FaultKind.CRASH_BEFORE),
    }
    history = run(scenario, faults)
    assert history.faults == faults
    assert violations(history) == []
    assert [sent.attempt for sent in history.journal.sent] == [0, 1]


def test_a_late_duplicate_makes_no_first_attempt_while_its_delivery_waits(
    run: Callable[..., History],
) -> None:
    """See docs/decisions/0006."""
    scenario = Scenario(
        (Submission("m0", ("a",)), Submission("m0", ("a",), at=6 * MINUTE)),
        {"a": (Answer(503, retry_after="3600"), GOOD)},
        workers=1,
    )
    faults = {"express:m0@a#1/4:lambda.invoke": Fault(FaultKind.BROKEN)}
    history = run(scenario, faults)
    assert history.faults == faults
    assert violations(history) == []
    assert [sent.attempt for sent in history.journal.sent] == [0, 1]


def test_what_waits_without_a_retry_has_an_owner_on_record_before_its_execution_starts(
    run: Callable[..., History],
) -> None:
    """See docs/decisions/0006: a start that fails is repeated by the redelivered message."""
    scenario = one(GOOD, workers=1, deployment=Deployment(defers=1.0))
    faults = {"settle:m0@a#1/3:states.start_execution": Fault(FaultKind.CRASH_BEFORE)}
    history = run(scenario, faults)
    assert history.faults == faults
    assert violations(history) == []
    assert [each.is_express for each in history.journal.executions] == [False]
    first = history.journal.written[0].after
    (execution,) = history.journal.executions
    assert (status_of(first), text_of(first, "executionName")) == ("QUEUED", execution.name)


def test_a_failure_that_the_express_path_records_late_is_refused_if_an_execution_has_the_delivery(
    run: Callable[..., History],
) -> None:
    """See docs/decisions/0057: the execution delivers the message, and nothing is dead-lettered."""
    scenario = Scenario(
        (Submission("m0", ("d",)),),
        {"d": (Answer(400), GOOD)},
        workers=1,
        deployment=Deployment(attempts_at_once=1),
    )
    faults = {
        "express:m0@d#1/1:lambda.invoke/1:dynamodb.update_item": Fault(FaultKind.LOST),
        "express:m0@d#1/3:dynamodb.update_item": Fault(FaultKind.STALL_BEFORE, 60 * SECOND),
        "standard:m0@d/2:lambda.invoke/1:dynamodb.update_item": Fault(FaultKind.LOST),
    }
    history = run(scenario, faults)
    assert history.faults == faults
    assert violations(history) == []
    assert statuses(history) == ["DELIVERED"]
    assert history.journal.dead == {}


def test_a_delivery_that_succeeds_while_another_execution_records_a_retry_does_not_stay_waiting(
    run: Callable[..., History],
) -> None:
    """See docs/decisions/0057: `dispatch` runs twice; the run that records has no hand-off."""
    faults = {
        "worker-0/2:lambda.invoke": Fault(FaultKind.TWICE),
        "express:m0@a#1/5:states.start_execution": Fault(FaultKind.CRASH_BEFORE),
    }
    history = run(one(BUSY, Answer(200, takes=800), workers=1), faults)
    assert history.faults == faults
    assert violations(history) == []
    assert statuses(history) == ["DELIVERED"]


# Rounding up to the second, and the time on the way to the endpoint.
LATE_BY_A_WAIT = 1 * SECOND + 100


@pytest.mark.parametrize("skew", [-5 * MINUTE, 5 * MINUTE])
@pytest.mark.parametrize("wrong", ["accept", "${DeliverFunction}", "dispatch", "all"])
@pytest.mark.parametrize("express_path", [True, False], ids=["express path on", "express path off"])
def test_everything_holds_under_a_clock_that_is_wrong_by_five_minutes(
    run: Callable[..., History], skew: int, wrong: str, express_path: bool
) -> None:
    names = ("accept", "${DeliverFunction}", "dispatch") if wrong == "all" else (wrong,)
    scenario = Scenario(
        (
            Submission("m0", ("a",)),
            Submission("m0", ("a",), at=10 * MINUTE),
            Submission("m1", ("b",), deliver_in=HOUR),
        ),
        {"a": (BUSY, BUSY, GOOD), "b": (GOOD,)},
        deployment=Deployment(express_path_is_on=express_path),
        skews=dict.fromkeys(names, skew),
    )
    history = run(scenario)
    assert violations(history) == []
    assert statuses(history) == ["DELIVERED", "DELIVERED"]
    (scheduled,) = (sent for sent in history.journal.sent if sent.webhook_id == "m1")
    assert START + HOUR <= scheduled.instant < START + HOUR + LATE_BY_A_WAIT


@pytest.mark.parametrize("before", ["2028-02-28T23:59:58.700Z", "2028-02-29T23:59:58.700Z"])
def test_delays_are_kept_across_a_leap_day(run: Callable[..., History], before: str) -> None:
    answers = (Answer(503, retry_after="86400"), Answer(503, retry_after="3"), GOOD)
    start = from_iso(before)
    history = run(one(*answers, start=start))
    assert violations(history) == []
    first, second, third = (sent.instant for sent in history.journal.sent)
    assert DAY <= second - first < DAY + LATE_BY_A_WAIT
    assert 3 * SECOND <= third - second < 3 * SECOND + LATE_BY_A_WAIT


@pytest.mark.parametrize("express_path", [True, False], ids=["express path on", "express path off"])
def test_a_retry_after_of_thirty_days_is_honoured(
    run: Callable[..., History], express_path: bool
) -> None:
    """The policy allows it, and the record does not expire before it is needed."""
    month = 30 * DAY
    deployment = Deployment(express_path_is_on=express_path)
    policy = replace(deployment.policy, retry_after_ceiling_seconds=month // SECOND)
    answers = (Answer(503, retry_after=str(month // SECOND)), GOOD)
    history = run(one(*answers, deployment=replace(deployment, policy=policy)))
    assert violations(history) == []
    first, second = (sent.instant for sent in history.journal.sent)
    assert month <= second - first < month + LATE_BY_A_WAIT
    written = [change.after for change in history.journal.written]
    waiting = next(item for item in written if status_of(item) == "RETRY_SCHEDULED")
    assert int(waiting["ttl"]["N"]) * SECOND > second
    (item,) = history.ledger.values()
    assert len(history_of(item)) == 2
    assert from_iso(text_of(history_of(item)[0], "nextRetryTimestamp")) <= second


def test_a_gap_in_the_audit_trail_is_reported_and_the_delivery_goes_on(
    run: Callable[..., History],
) -> None:
    outage = Outage("dynamodb.update_item", 0, 3 * SECOND)
    history = run(one(BUSY, BUSY, GOOD, outages=(outage,)))
    assert violations(history) == []
    (item,) = history.ledger.values()
    numbers = [int(entry["attemptNumber"]["N"]) for entry in history_of(item)]
    assert status_of(item) == "DELIVERED"
    assert 0 not in numbers
    assert View(history).has_gap(next(iter(View(history).documents)), 0)


def test_a_failure_whose_worker_broke_is_dead_lettered_by_the_other_worker_of_its_message(
    run: Callable[..., History],
) -> None:
    scenario = Scenario(
        (Submission("m0", ("a",), policy={"maxAttempts": 1}),),
        {"a": (BUSY,)},
        Deployment(attempts_at_once=1, queue_is_fifo=False),
        doubles=1.0,
    )
    crash = {"express:m0@a#1/4:sqs.send_message": Fault(FaultKind.CRASH_BEFORE)}
    histories = [run(scenario, crash, seed=seed) for seed in range(1, 9)]
    assert [violations(history) for history in histories] == [[]] * len(histories)
    assert all(history.journal.dead for history in histories)


def test_a_message_that_is_never_taken_promises_nothing(run: Callable[..., History]) -> None:
    history = run(one(GOOD, outages=(Outage("dynamodb", 0, HOUR),)))
    assert (history.journal.accepted, history.journal.sent) == ({}, [])
    assert history.journal.refused == [503] * 4


@pytest.mark.parametrize("kind", STOPS)
@pytest.mark.parametrize("express_path", [True, False], ids=["express path on", "express path off"])
@pytest.mark.parametrize(
    "answers",
    [
        pytest.param((BUSY, BUSY, GOOD), id="delivered"),
        pytest.param((BUSY,), id="limit reached"),
        pytest.param((GONE,), id="given up"),
    ],
)
def test_an_execution_may_be_stopped_at_any_state_and_its_message_still_ends(
    edges: Edges, answers: tuple[Answer, ...], express_path: bool, kind: FaultKind
) -> None:
    scenario = one(
        *answers, deployment=Deployment(express_path_is_on=express_path), stops=True, workers=1
    )
    census = Census()
    run_history(scenario, census, SEED, edges)
    at = [label for label, kinds in census.boundaries.items() if kind in kinds]
    assert len(at) > 5 or (express_path and answers == (GONE,))
    for label in at:
        plan = Listed({label: Fault(kind, 8)})
        history = run_history(scenario, plan, SEED, edges)
        assert violations(history) == [], label


def test_a_delivery_whose_execution_has_lasted_as_long_as_it_may_is_taken_up(
    run: Callable[..., History], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is a year. Waits of a policy must be shorter, so the test uses a lower limit."""
    half = 150 * DAY
    monkeypatch.setattr(step_functions, "_LONGEST_LIFE", 2 * half - HOUR)
    deployment = Deployment(express_path_is_on=False)
    policy = replace(deployment.policy, retry_after_ceiling_seconds=half // SECOND)
    wait = Answer(503, retry_after=str(half // SECOND))
    history = run(one(wait, wait, GOOD, deployment=replace(deployment, policy=policy)))
    assert violations(history) == []
    assert statuses(history) == ["DELIVERED"]
    assert list(history.journal.examined.values()) == [Finding.TAKEN_UP]
    first, _, third = (sent.instant for sent in history.journal.sent)
    assert 2 * half <= third - first < 2 * half + HOUR


def test_undispatched_messages_are_dispatched_once_the_outage_is_over(
    run: Callable[..., History],
) -> None:
    outages = (Outage("states", 0, 3 * HOUR),)
    history = run(one(GOOD, outages=outages, workers=1))
    assert history.journal.undispatched > 1
    assert violations(history) == []
    assert statuses(history) == ["DELIVERED"]
