"""`homing dead-letters redrive` begins a bulk redrive, follows it and stops it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from homing.ledger.delivery_filter import DeliveryFilter, Listed
from homing.ledger.delivery_groups import Group, grouped
from homing.recovery.bulk_redrive import REDRIVABLE, BulkRedrive, Phase
from homing.retry.classification import Category, Status
from homing_cli import app
from homing_cli.client import many
from homing_cli.commands import recovery

if TYPE_CHECKING:
    import typer.testing

NOW = datetime(2025, 12, 28, 12, tzinfo=UTC)


def failed(number: int, endpoint_id: str) -> Listed:
    return Listed(
        pk=f"m-{number}#default",
        sk="2025-12-28T11:00:00.000Z#https://example.com/",
        message_id=f"m-{number}",
        sender_id="default",
        target_url="https://example.com/",
        created_at="2025-12-28T11:00:00.000Z",
        status=Status.FAILED,
        attempts=1,
        at="2025-12-28T11:00:00.000Z",
        last_updated_at="2025-12-28T11:00:00.000Z",
        endpoint_id=endpoint_id,
        category=Category.GONE,
        reason="HTTP 410",
    )


FOUND = [failed(0, "crm"), failed(1, "crm"), failed(2, "shop")]


class Bulk:
    """Stands for `BulkRedrives`: records what was begun, and advances it with each read."""

    def __init__(self) -> None:
        self.wanted: DeliveryFilter | None = None
        self.states: list[BulkRedrive] = []
        self.redrives: Any = SimpleNamespace(
            find=self.find, stop=self.stop, newest=lambda most: self.states[:most]
        )

    def preview(self, wanted: DeliveryFilter, _: datetime) -> list[Group]:
        return grouped(one for one in FOUND if wanted.matches(one, 0))

    def begin(
        self, redrive_id: str, wanted: DeliveryFilter, rate: float, *, matched: int, now: datetime
    ) -> BulkRedrive:
        self.wanted = wanted
        begun = BulkRedrive.begun(redrive_id, wanted, rate, matched, now)
        following = replace(begun, phase=Phase.FOLLOWING, redriven=matched)
        ended = replace(following, phase=Phase.ENDED, delivered=matched - 1, failed=1)
        self.states = [begun, following, ended]
        return begun

    def find(self, _: str) -> BulkRedrive | None:
        if len(self.states) > 1:
            return self.states.pop(0)
        return self.states[0] if self.states else None

    def stop(self, _: str) -> BulkRedrive | None:
        return replace(self.states[0], is_stopped=True) if self.states else None


@pytest.fixture
def bulk(monkeypatch: pytest.MonkeyPatch) -> Bulk:
    made = Bulk()
    monkeypatch.setattr("homing_cli.commands.options.find_target", lambda *_: None)
    monkeypatch.setattr(many, "bulk_redrives", lambda _: made)
    monkeypatch.setattr(recovery, "sleep", lambda _: None)
    monkeypatch.delenv("HOMING_STACK", raising=False)
    return made


def homing(*options: str) -> typer.testing.Result:
    return CliRunner().invoke(app.app, ["dead-letters", *options])


def test_a_dry_run_counts_by_endpoint_and_cause_and_begins_nothing(bulk: Bulk) -> None:
    done = homing("redrive", "--all", "--dry-run", "--json")
    assert done.exit_code == 0
    preview = json.loads(done.stdout)
    counts = {group["endpoint"]: group["count"] for group in preview["groups"]}
    assert (preview["dryRun"], preview["matched"], counts) == (True, 3, {"crm": 2, "shop": 1})
    assert homing("redrive", "--all", "--dry-run").stdout.endswith("3 dead letters match\n")
    assert bulk.states == []


def test_a_redrive_by_filter_is_followed_until_all_have_ended(bulk: Bulk) -> None:
    done = homing("redrive", "--endpoint", "crm", "--category", "gone", "--rate", "5")
    assert bulk.wanted == DeliveryFilter(
        statuses=REDRIVABLE, endpoint_id="crm", category=Category.GONE
    )
    assert done.stdout.splitlines()[-2:] == [
        "2 of 2 redriven, 0 delivered, 0 failed again, 2 waiting",
        "2 of 2 redriven, 1 delivered, 1 failed again, 0 waiting",
    ]
    assert done.exit_code == 1  # since one delivery has failed again


def test_interrupted_it_goes_on_and_says_how_to_stop_it(
    bulk: Bulk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(recovery, "sleep", press)
    done = homing("redrive", "--all")
    assert done.exit_code == 130
    assert "continues; `homing dead-letters stop " in done.stderr
    stopped = homing("stop", bulk.states[0].redrive_id)
    assert (stopped.exit_code, stopped.stdout.strip().rpartition(", ")[2]) == (0, "stopped")


def test_detached_it_does_not_wait(bulk: Bulk) -> None:
    done = homing("redrive", "--all", "--detach")
    assert (done.exit_code, len(bulk.states)) == (0, 2)
    assert "follow it with" in done.stdout


def test_bulk_redrives_are_listed_with_how_far_they_are(bulk: Bulk) -> None:
    homing("redrive", "--all", "--detach")
    assert homing("redrives").stdout.splitlines()[-1] == "2 bulk redrives"
    (first, _) = json.loads(homing("redrives", "--json").stdout)
    assert (first["status"], first["matched"]) == ("FOLLOWING", 3)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "give either an ID or filters, or --all"),
        (("--all", "--endpoint", "crm"), "give either an ID or filters, or --all"),
        (("--status", "QUEUED"), "has no dead letters"),
        (("--category", "odd"), "--category must be"),
        (("--since", "yesterday"), "--since is not a valid"),
        (("m-1", "--endpoint", "crm"), "an ID cannot be combined with filters"),
    ],
    ids=str,
)
@pytest.mark.usefixtures("bulk")
def test_what_cannot_be_meant_is_refused_with_the_option_and_the_fix(
    options: tuple[str, ...], says: str
) -> None:
    done = homing("redrive", *options)
    assert done.exit_code == 2
    assert says in " ".join(done.stderr.replace("\u2502", " ").split())


@pytest.mark.usefixtures("bulk")
def test_nothing_that_matches_is_exit_status_1() -> None:
    done = homing("redrive", "--endpoint", "nobody")
    assert (done.exit_code, done.stdout) == (1, "0 dead letters match\n")


@pytest.mark.usefixtures("bulk")
def test_a_bulk_redrive_that_is_not_there_is_an_error() -> None:
    done = homing("stop", "unknown")
    assert done.exit_code == 1
    assert "there is no bulk redrive unknown" in done.stderr
