"""`homing broken`: executions that neither delivered nor dead-lettered their message."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from homing_cli.app import app
from homing_cli.commands import options

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime.now(UTC)
PREFIX = "arn:aws:states:us-east-1:0:execution:delivery"


def execution(name: str, status: str, error: str | None, *, days: int = 0) -> dict[str, Any]:
    return {
        "executionArn": f"{PREFIX}:{name}",
        "status": status,
        "stopDate": NOW - timedelta(days=days),
        **({"error": error} if error else {}),
    }


@dataclass
class FakeStates:
    """A Step Functions client with executions that have ended, and a target with this client."""

    ended: list[dict[str, Any]]
    outputs: dict[str, str] = field(default_factory=lambda: {"StateMachineArn": "arn"})

    def client(self, service: str) -> Any:
        return self

    def get_paginator(self, name: str) -> Any:
        return self

    def paginate(self, *, statusFilter: str, **_: Any) -> Iterator[dict[str, Any]]:  # noqa: N803
        keys = ("executionArn", "status", "stopDate")  # like ListExecutions, which returns no error
        found = [each for each in self.ended if each["status"] == statusFilter]
        yield {"executions": [{key: each[key] for key in keys} for each in found]}

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:  # noqa: N803
        (found,) = [each for each in self.ended if each["executionArn"] == executionArn]
        return found


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> FakeStates:
    fake = FakeStates(
        [
            execution("gave-up", "FAILED", "MAX_RETRIES_EXCEEDED"),
            execution("not-worth-it", "FAILED", "FAILED"),
            execution("too-large", "FAILED", "States.DataLimitExceeded"),
            execution("no-queue", "FAILED", "SQS.SqsException"),
            execution("long-ago", "FAILED", "States.Runtime", days=15),
            execution("a-year", "TIMED_OUT", None),
            execution("by-hand", "ABORTED", None),
            execution("drained", "ABORTED", "Drained"),
        ]
    )
    monkeypatch.setattr(options, "find_target", lambda *_: fake)
    return fake


def test_it_lists_those_that_did_not_end_as_they_should(states: FakeStates) -> None:
    done = CliRunner().invoke(app, ["broken", "--json"])
    names = [one["executionArn"].rpartition(":")[2] for one in json.loads(done.stdout)]
    assert names == ["too-large", "no-queue", "a-year", "by-hand"]
    assert done.exit_code == 1


def test_nothing_broken_is_no_failure(states: FakeStates) -> None:
    states.ended.clear()
    done = CliRunner().invoke(app, ["broken"])
    assert (done.exit_code, done.stdout) == (0, "0 broken\n")
