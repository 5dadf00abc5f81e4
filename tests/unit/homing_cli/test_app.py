"""The command `homing` without a cloud: usage, error messages, exit statuses."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from datetime import timedelta
from http.client import HTTPConnection
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from homing.retry.classification import Category
from homing_cli.app import app
from homing_cli.client import target
from homing_cli.commands import recovery, senders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homing.ledger.delivery_filter import DeliveryFilter

COMMANDS = ["up", "down", "send", "status", "trace", "dead-letters", "receiver", "demo", "cost"]
READING = [["status", "m-1"], ["trace", "m-1"], ["dead-letters"], ["dead-letters", "show", "m-1"]]


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Work in an empty folder, where no local cloud is found, and with wide output."""
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
        ([], "give --target, --endpoint or --event-type, and --payload; or --file"),
        (
            ["--target", "http://x"],
            "give --target, --endpoint or --event-type, and --payload; or --file",
        ),
        (["--target", "http://x", "--payload", "nonsense"], "--payload is not JSON"),
        (["--file", "none.jsonl"], "none.jsonl"),
        (["--file", "some.jsonl", "--payload", "1"], "--file cannot be combined"),
        (["--file", "some.jsonl", "--message-id", "1"], "--file cannot be combined"),
        (["--target", "http://x", "--payload", "1", "--timeout", "5"], "--timeout needs --wait"),
        (["--nonsense"], "No such option"),
    ],
)
def test_a_mistake_in_usage_exits_with_status_2(
    runner: CliRunner, tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    (tmp_path / "some.jsonl").write_text("{}\n")
    done = runner.invoke(app, ["send", *arguments])
    assert done.exit_code == 2
    assert complaint in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("category", ["FOO", "SERVER"])
def test_an_unknown_category_is_a_mistake_in_usage_that_names_the_known_ones(
    runner: CliRunner, category: str
) -> None:
    done = runner.invoke(app, ["dead-letters", "redrive", "--category", category])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--category" in done.stderr
    told = re.sub(r"[\s│]+", " ", done.stderr)
    assert [known for known in Category if known not in told.split("must be")[1]] == []


@pytest.mark.parametrize("category", ["server_error", "Server_Error", "SERVER_ERROR"])
def test_a_category_is_known_in_any_case(
    runner: CliRunner, monkeypatch: pytest.MonkeyPatch, category: str
) -> None:
    meant: list[str | None] = []

    class Redrives:
        def preview(self, wanted: DeliveryFilter, _: object) -> tuple[()]:
            meant.append(wanted.category)
            return ()

    monkeypatch.setattr(recovery.many, "bulk_redrives", lambda _: Redrives())
    monkeypatch.setattr("homing_cli.commands.options.find_target", lambda *_: None)
    runner.invoke(app, ["dead-letters", "redrive", "--category", category, "--dry-run"])
    assert meant == ["SERVER_ERROR"]


@pytest.mark.parametrize("option", ["--before", "--since", "--category"])
def test_an_empty_filter_is_a_mistake_in_usage_that_names_the_option(
    runner: CliRunner, option: str
) -> None:
    done = runner.invoke(app, ["dead-letters", "redrive", option, ""])
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"'{option}': is empty" in done.stderr


@pytest.mark.parametrize("option", ["--before", "--since"])
@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("yesterday", "is not a valid ISO-8601 date-time, e.g. 2026-01-31T12:00:00Z"),
        ("2025-12-28", "is a date without a time and a time zone"),
        ("2025-12-28T12:00:00", "has no time zone; append Z for UTC"),
        ("0001-01-01T00:00:00+01:00", "is out of range"),
        ("9999-12-31T23:59:59-14:00", "is out of range"),
    ],
)
def test_what_is_no_time_is_a_mistake_in_usage_that_names_option_and_form(
    runner: CliRunner, option: str, text: str, complaint: str
) -> None:
    done = runner.invoke(app, ["dead-letters", "redrive", option, text])
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"{option} {complaint}" in re.sub(r"[\s│]+", " ", done.stderr)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("what-if --max-attempts 0", "--max-attempts: must be greater than or equal to 1"),
        ("what-if --base 10 --max-delay 5", "--base: is above --max-delay (5)"),
        ("what-if --schedule 5,x", "--schedule: 5,x is not a number"),
        ("what-if --schedule 1 --preset standard-webhooks", "--preset: cannot be combined with"),
        ("what-if --preset none-such", "--preset: is unknown; use standard-webhooks"),
        ("what-if --retry-on 404,2xx", "--retry-on[1]: 2xx is always a delivery; remove it"),
        ("what-if --retry-on 404 --give-up-on 404", "--give-up-on: 404 is also in --retry-on"),
        ("what-if --jitter much", "--jitter: must be 'additive', 'full'"),
        ("cost --region mars-1", "'--region': no checked prices for mars-1, only for us-east-1"),
        ("endpoints rotate-secret orders --grace-hours 721", "give 0 to 720 hours (30 days)"),
        ("endpoints rotate-secret orders --grace-hours -1", "give 0 to 720 hours (30 days)"),
        ("senders rotate-secret shop --grace-hours nan", "give 0 to 720 hours (30 days)"),
        ("senders rotate-secret shop --grace-hours many", "'--grace-hours'"),
        ("senders add a#b", "'a#b' must have 1 to 128 characters"),
        ("endpoints set orders --attempts-at-once 101", "'--attempts-at-once'"),
        ("endpoints set orders --signing v2", "'--signing'"),
        ("watch --since 99999999999", "'--since'"),
        ("watch --since inf", "'--since'"),
        (f"cost --messages {10**400}", "'--messages'"),
        (f"cost --payload-bytes {10**400}", "'--payload-bytes'"),
        (f"cost --latency-ms {10**400}", "'--latency-ms'"),
        ("cost --rate inf", "'--rate'"),
        (f"what-if --deliveries {10**400}", "'--deliveries'"),
    ],
)
def test_a_value_that_cannot_be_meant_is_a_mistake_in_usage_that_names_what_can(
    runner: CliRunner, arguments: str, complaint: str
) -> None:
    done = runner.invoke(app, arguments.split())
    assert (done.exit_code, done.stdout) == (2, "")
    assert complaint in done.stderr


@pytest.mark.parametrize(
    ("options", "seconds"),
    [([], 86_400), (["--grace-hours", "0"], 0), (["--grace-hours", "1.5"], 5400)],
)
def test_the_grace_of_a_rotation_is_given_in_hours_and_a_day_where_it_is_not(
    runner: CliRunner, monkeypatch: pytest.MonkeyPatch, options: list[str], seconds: int
) -> None:
    seen: list[timedelta] = []

    def rotate(_: object, name: str, grace: timedelta) -> str:
        seen.append(grace)
        return "whsec_new"

    monkeypatch.setattr("homing_cli.commands.options.find_target", lambda *_: None)
    monkeypatch.setattr(senders.senders, "rotate_secret", rotate)
    assert runner.invoke(app, ["senders", "rotate-secret", "shop", *options]).exit_code == 0
    assert seen == [timedelta(seconds=seconds)]


@pytest.fixture
def listening() -> Iterator[subprocess.Popen[str]]:
    command = [Path(sys.prefix, "bin", "homing"), "receiver", "--port", "0"]
    # A shell makes background processes ignore SIGINT, and a child process would inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:  # noqa: S603 -- our own command
        try:
            yield running
        finally:
            running.kill()
            signal.signal(signal.SIGINT, before)


def test_the_receiver_does_as_the_url_says_and_tells_what_came(
    listening: subprocess.Popen[str],
) -> None:
    assert listening.stdout is not None
    url = listening.stdout.readline().split()[2].rstrip(";")
    connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request("POST", "/script/503", "{}", {"webhook-id": "m-1"})
    assert connection.getresponse().status == 503
    connection.close()
    assert listening.stdout.readline().endswith(" m-1 POST /script/503 -> 503\n")
    listening.send_signal(signal.SIGINT)
    assert listening.wait(10) == 0


def test_a_receiver_whose_port_is_taken_says_so(runner: CliRunner) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = runner.invoke(app, ["receiver", "--port", str(port)])
    assert done.exit_code == 1
    assert done.stderr == f"homing: cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_a_stopped_local_cloud_is_reported_in_one_line(runner: CliRunner, tmp_path: Path) -> None:
    record = """{"endpoint": "http://127.0.0.1:9", "region": "us-east-1", "outputs": {},
                 "accessKeyId": "LOCAL", "secretAccessKey": "x",
                 "apiUrl": "http://127.0.0.1:9/api",
                 "senderApiUrl": "http://127.0.0.1:9/senders"}"""
    (tmp_path / ".homing").mkdir()
    (tmp_path / ".homing" / "local.json").write_text(record)
    done = runner.invoke(app, ["status", "m-1"])
    assert done.exit_code == 1
    assert done.stderr == (
        "homing: there is no local cloud: run `homing up`, or name a stack with --stack\n"
    )


def test_it_says_its_version(runner: CliRunner) -> None:
    said = runner.invoke(app, ["--version"])
    assert (said.exit_code, said.output) == (0, f"homing {version('homing')}\n")
