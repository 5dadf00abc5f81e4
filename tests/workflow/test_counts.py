"""The AWS calls of a message, counted on the local cloud by tools/counting.py."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from deployed import deployed

from homing_cli.cost.counts import FILE, End
from tools.counting import TOGETHER, VIA_CALLS, CountedCloud, counted_cloud, paths

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator

RECORDED: dict[str, Any] = json.loads(FILE.read_text())["paths"]
SHOWN_AT_THE_END = "shown"  # tests/conftest.py
SHOWN = {
    "delivered at once": (End.DELIVERED, 1),
    "delivered at the third attempt": (End.DELIVERED, 3),
    "given up": (End.FAILED, 1),
    "dead-lettered": (End.MAX_RETRIES_EXCEEDED, 3),
}


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CountedCloud]:
    folder = tmp_path_factory.mktemp("counted")
    with deployed(folder / ".homing", partial(counted_cloud, folder)) as running:
        yield running


@pytest.fixture(scope="module")
def batch(counted: CountedCloud) -> Counter[str]:
    """The calls of ten messages from one batch of the queue, delivered at the first attempt."""
    return counted.send(["200"] * 10)


def test_ten_messages_delivered_at_once_stay_within_the_budget(batch: Counter[str]) -> None:
    """With payloads of 1 KB, each takes at most 2 write units, 1.2 SQS requests, no transition."""
    assert batch["url.requests"] == batch["lambda.Deliver"] == batch["express.requests"] == 10
    assert batch["api.requests"] == 0
    assert batch["lambda.Dispatch"] == 1
    assert batch["dynamodb.writeUnits"] <= 20
    assert sum(calls for name, calls in batch.items() if name.startswith("sqs.")) <= 12
    assert batch["standard.transitions"] == 0


def test_a_batch_of_ten_costs_ten_messages_and_one_share(batch: Counter[str]) -> None:
    """So the counts of single messages, which `homing cost` uses, can be added up.

    Only reads may differ: each container of Deliver reads the sender's secret once a minute, and
    ten concurrent attempts may have ten containers.
    """
    express_path = RECORDED["on"]
    once = express_path["scenarios"][0]["calls"]
    single = once | express_path["via"]["url"]
    expected = {name: 10 * calls for name, calls in single.items()} | express_path["perBatch"]
    reads, lookups = expected.pop("dynamodb.readUnits"), 10
    made = dict(batch)
    assert reads <= made.pop("dynamodb.readUnits") <= reads + lookups
    assert made == {name: calls for name, calls in expected.items() if calls}


def test_ten_messages_in_one_request_save_nine_of_ten_calls_that_accept_them_and_no_other(
    counted: CountedCloud, batch: Counter[str]
) -> None:
    """The reads of Deliver's containers are an exception, as above."""
    together = counted.send(["200"] * 10, via="batch")
    for name in ("url.requests", "lambda.Accept", "sqs.deliveries.send"):
        assert (batch[name], together[name]) == (10, 1)
    others = set(batch) - {"url.requests", "lambda.Accept", "sqs.deliveries.send"}
    for name in others - {"dynamodb.readUnits"}:
        assert together[name] == batch[name], name
    for name, share in RECORDED["on"]["via"]["batch"].items():
        assert together[name] == TOGETHER * share, name


def test_operational_events_are_made_from_the_second_failure_on_and_cost_no_delivery_a_call() -> (
    None
):
    """Each failure makes two changes: it is recorded, then indexed."""
    names = ("lambda.OperationalEvents", "events.entries")
    for express_path in RECORDED.values():
        told = {
            (one["end"], one["attempts"]): tuple(one["calls"][name] for name in names)
            for one in express_path["scenarios"]
        }
        assert {told["DELIVERED", attempts] for attempts in (1, 2)} == {(0, 0)}
        assert {told["DELIVERED", attempts] for attempts in (3, 4)} == {(2, 2)}
        assert {told["FAILED", 1], told["MAX_RETRIES_EXCEEDED", 1]} == {(2, 1)}
        assert {told["MAX_RETRIES_EXCEEDED", attempts] for attempts in (3, 4)} == {(3, 2)}


def test_the_ways_in_differ_in_the_calls_that_accept_a_message_and_in_nothing_behind_them(
    counted: CountedCloud, batch: Counter[str]
) -> None:
    """The container that the batch has started serves all of them."""
    ways = {via: counted.send(["200"], via=via) for via in ("url", "api", "ingest")}
    for via, calls in ways.items():
        made = {name: calls.pop(name, 0) for name in VIA_CALLS}
        assert made == RECORDED["on"]["via"][via]
    assert ways["url"] == ways["api"] == ways["ingest"]


def test_recorded_counts_are_those_of_the_calls_made_now(
    counted: CountedCloud, batch: Counter[str], record_property: Callable[[str, object], None]
) -> None:
    """If this fails, the stack makes other calls than before; `make counts` records them."""
    now = paths(counted)
    record_property(SHOWN_AT_THE_END, "\n".join(_table(now)))
    assert now == RECORDED


def _table(now: dict[str, Any]) -> Iterator[str]:
    yield f"calls of one message, payload 1 KB: {', '.join(SHOWN)}"
    for express_path, counts in now.items():
        for name, count in counts["via"]["url"].items():
            yield f"  express_path {express_path:<4}{name:<24}{count:>8g}, whatever becomes of it"
        columns = [
            next(
                one["calls"]
                for one in counts["scenarios"]
                if (one["end"], one["attempts"]) == scenario
            )
            for scenario in SHOWN.values()
        ]
        for name in columns[0]:
            cells = "".join(f"{column[name]:>8g}" for column in columns)
            yield f"  express_path {express_path:<4}{name:<24}{cells}"
