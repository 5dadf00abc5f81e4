"""What the end-to-end tests share: the command, run where it finds the cloud, and a receiver."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from homing.delivery import Delivery, Reference, Request
from homing.policy import Policy
from homing.timestamps import to_due_text, to_text
from workbench.cli import app
from workbench.receiver import Receiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from typer.testing import Result

    from workbench.target import Target

    Homing = Callable[..., Result]


@pytest.fixture
def homing(cloud: Target, cloud_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Homing:
    """Run `homing` with these arguments, against the cloud."""
    monkeypatch.chdir(cloud_folder)
    monkeypatch.delenv("HOMING_STACK", raising=False)

    def run(*arguments: str, stdin: bytes | None = None) -> Result:
        return CliRunner().invoke(app, arguments, input=stdin)

    return run


@pytest.fixture
def read(homing: Homing) -> Callable[..., Any]:
    """Run a reading command with `--json` and give its document; it must succeed."""

    def run(*arguments: str) -> Any:
        done = homing(*arguments, "--json")
        assert (done.exit_code, done.stderr) == (0, "")
        return json.loads(done.stdout)

    return run


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def run_id() -> str:
    """Tell the messages of one test from those of another on the same cloud."""
    return secrets.token_hex(4)


@pytest.fixture
def delivery_to() -> Callable[[str, str], Delivery]:
    """Make a delivery of a message to a URL, as `accept` would put it on the queue."""

    def make(message_id: str, url: str) -> Delivery:
        now = datetime.now(UTC)
        reference = Reference(message_id, "default", to_text(now), url, message_id, to_text(now))
        return Delivery(
            reference=reference,
            request=Request("{}", "application/json", {}),
            policy=Policy(),
            attempt_number=0,
            due_at=to_due_text(now - timedelta(seconds=1)),
            expires_at=4_102_444_800,
        )

    return make
