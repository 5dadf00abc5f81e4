"""The command `homing` where no cloud is needed: usage, complaints, exit statuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from workbench import target
from workbench.cli import app

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = ["up", "down", "send", "status", "trace", "dead-letters", "receiver", "demo"]
READING = [["status", "m-1"], ["trace", "m-1"], ["dead-letters"], ["dead-letters", "show", "m-1"]]


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Work in an empty folder, with the project's own cloud out of sight and wide output."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(target, "STATE_DIR", tmp_path / ".homing")
    monkeypatch.delenv("HOMING_STACK", raising=False)
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def runner() -> CliRunner:
    return CliRunner()


def test_without_arguments_it_lists_the_commands(runner: CliRunner) -> None:
    shown = runner.invoke(app, []).output
    assert [command for command in COMMANDS if command not in shown] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(runner: CliRunner, command: str) -> None:
    done = runner.invoke(app, [command, "--help"])
    assert done.exit_code == 0
    assert "Usage" in done.output


@pytest.mark.parametrize("command", ["status", "trace", "dead-letters", "dead-letters show"])
def test_every_reading_command_takes_json(runner: CliRunner, command: str) -> None:
    assert "--json" in runner.invoke(app, [*command.split(), "--help"]).output


@pytest.mark.parametrize(
    "arguments", [*READING, ["send", "--target", "http://x", "--payload", "1"]]
)
def test_without_a_cloud_it_says_what_to_do_in_one_line(
    runner: CliRunner, arguments: list[str]
) -> None:
    done = runner.invoke(app, arguments)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr == (
        "homing: there is no local cloud: run `homing up`, or name a stack with --stack\n"
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "give --target and --payload, or --file"),
        (["--target", "http://x"], "give --target and --payload, or --file"),
        (["--target", "http://x", "--payload", "nonsense"], "--payload is not JSON"),
        (["--file", "none.jsonl"], "none.jsonl"),
        (["--file", "some.jsonl", "--payload", "1"], "--file brings the whole message"),
        (["--file", "some.jsonl", "--message-id", "1"], "--file brings the whole message"),
        (["--nonsense"], "No such option"),
    ],
)
def test_a_mistake_in_usage_is_told_with_status_2(
    runner: CliRunner, tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    (tmp_path / "some.jsonl").write_text("{}\n")
    done = runner.invoke(app, ["send", *arguments])
    assert done.exit_code == 2
    assert complaint in done.stderr
    assert done.stdout == ""


def test_a_local_cloud_that_has_gone_is_told_in_one_line(runner: CliRunner, tmp_path: Path) -> None:
    record = """{"endpoint": "http://127.0.0.1:9", "region": "us-east-1", "outputs": {},
                 "apiUrl": "http://127.0.0.1:9/api"}"""
    (tmp_path / ".homing").mkdir()
    (tmp_path / ".homing" / "local.json").write_text(record)
    done = runner.invoke(app, ["status", "m-1"])
    assert done.exit_code == 1
    assert done.stderr == (
        "homing: the local cloud at http://127.0.0.1:9 does not answer: run `homing up`\n"
    )
