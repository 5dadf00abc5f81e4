"""`homing status`, `trace` and `dead-letters`, for people and for programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Homing

    from homing_cli.client.target import Target
    from homing_cli.receiver.server import Receiver

    Read = Callable[..., Any]


@pytest.fixture
def dead_lettered(homing: Homing, read: Read, receiver: Receiver, run_id: str) -> str:
    """A message whose three attempts failed, so that it was dead-lettered."""
    target = f"{receiver.url}/script/503,429;retry-after=1,410"
    done = homing("send", "--target", target, "--payload", "1", "--message-id", run_id, "--wait")
    assert done.exit_code == 1
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:  # the record is written a moment before the dead letter
        (delivery,) = read("trace", run_id)["deliveries"]
        if delivery["executionStatus"] == "FAILED":
            break
    return run_id


def test_status_tells_every_attempt(homing: Homing, read: Read, dead_lettered: str) -> None:
    document = read("status", dead_lettered)
    (delivery,) = document["deliveries"]
    assert (document["messageId"], document["senderId"]) == (dead_lettered, "default")
    assert (delivery["status"], delivery["attempts"]) == ("FAILED", 3)
    categories = [entry["errorCategory"] for entry in delivery["retryHistory"]]
    assert categories == ["SERVER_ERROR", "RATE_LIMITED", "GONE"]

    shown = homing("status", dead_lettered).stdout
    for told in (
        dead_lettered,
        "FAILED",
        "SERVER_ERROR: HTTP 503",
        "RATE_LIMITED",
        "GONE: HTTP 410",
    ):
        assert told in shown


def test_trace_tells_states_times_outcomes_and_waits(
    homing: Homing, read: Read, dead_lettered: str
) -> None:
    document = read("trace", dead_lettered)
    (delivery,) = document["deliveries"]
    assert (delivery["status"], delivery["executionStatus"]) == ("FAILED", "FAILED")
    attempts = delivery["attempts"]
    assert [attempt["outcome"]["httpStatus"] for attempt in attempts] == [503, 429, 410]
    assert [attempt["verdict"]["category"] for attempt in attempts] == [
        "SERVER_ERROR",
        "RATE_LIMITED",
        "GONE",
    ]
    assert attempts[1]["backoff"]["retryAfterSeconds"] == 1
    assert (attempts[0]["record"]["result"], attempts[2]["record"]) == ("RECORDED", None)
    states = [[state["name"] for state in attempt["states"]] for attempt in attempts]
    going_on = ["WhatNext", "ComputeBackoff", "RecordRetry"]
    giving_up = ["WhatNext", "RecordFailure", "DeadLetter", "ListFailure", "DeliveryFailed"]
    sending = ["WaitUntilDue", "Deliver", "Classify"]
    first = []  # it ran as an Express execution, so only the ledger has its attempts
    assert states == [first, sending + going_on, sending + giving_up]
    assert all(
        state["milliseconds"] >= 0 for attempt in attempts for state in attempt["states"][:-1]
    )

    shown = homing("trace", dead_lettered).stdout
    assert shown.count("WaitUntilDue") == 2
    assert "in the ledger: SERVER_ERROR" in shown
    assert "HTTP 429 in " in shown
    assert "Retry-After: 1" in shown


def test_trace_with_timing_tells_where_the_time_went(
    homing: Homing, read: Read, dead_lettered: str
) -> None:
    (delivery,) = read("trace", dead_lettered, "--timing")["deliveries"]
    said = [(hop["attempt"], hop["what"]) for hop in delivery["hops"]]
    retried = ["until the wait has ended", "from there to the request", "the endpoint"]
    assert said == [
        (1, "from acceptance to the request"),
        (1, "the endpoint"),
        (1, "until the retry is due"),
        *((2, what) for what in (*retried, "until the retry is due")),
        *((3, what) for what in retried),
    ]
    shown = homing("trace", dead_lettered, "--timing").stdout
    assert shown.count("until the retry is due") == 2


def test_a_dead_letter_is_listed_and_shown_and_stays_where_it_is(
    homing: Homing, read: Read, dead_lettered: str
) -> None:
    for _ in range(2):
        listed = read("dead-letters", "--limit", "1000")
        (dead_letter,) = [one for one in listed["deadLetters"] if one["messageId"] == dead_lettered]
        assert (dead_letter["status"], dead_letter["category"], dead_letter["attempts"]) == (
            "FAILED",
            "GONE",
            3,
        )
        assert listed["total"] >= 1

    (document,) = read("dead-letters", "show", dead_lettered)
    assert document["reference"]["messageId"] == dead_lettered
    assert document["request"]["payload"] == "1"
    assert document["outcome"]["httpStatus"] == 410

    assert dead_lettered in homing("dead-letters", "--limit", "1000").stdout
    assert '"httpStatus": 410' in homing("dead-letters", "show", dead_lettered).stdout


def test_dead_letters_list_is_the_same_as_dead_letters(read: Read, dead_lettered: str) -> None:
    listed = read("dead-letters", "list", "--limit", "1000")
    assert dead_lettered in {one["messageId"] for one in listed["deadLetters"]}


def test_dead_letters_are_copied_whole_a_document_a_line(
    homing: Homing, dead_lettered: str
) -> None:
    done = homing("dead-letters", "list", "--whole")
    assert done.exit_code == 0
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    (document,) = [one for one in documents if one["reference"]["messageId"] == dead_lettered]
    assert document["request"]["payload"] == "1"


def test_a_copy_that_is_not_of_all_dead_letters_says_so(
    homing: Homing, dead_lettered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert dead_lettered
    monkeypatch.setattr("homing_cli.client.queues.dead_letters.count", lambda _: 1_000_000)
    done = homing("dead-letters", "list", "--whole")
    assert done.exit_code == 1
    assert "of about 1000000 dead letters" in done.stderr


@pytest.mark.parametrize("command", ["status", "trace"])
def test_a_message_that_was_never_accepted_is_not_found(
    homing: Homing, run_id: str, command: str
) -> None:
    done = homing(command, run_id, "--json")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"homing: no message {run_id}")
    assert done.stderr.count("\n") == 1


def test_a_message_that_is_not_dead_lettered_has_no_dead_letter(
    homing: Homing, run_id: str
) -> None:
    done = homing("dead-letters", "show", run_id)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"homing: no dead letter of message {run_id}")


def test_a_message_of_another_sender_is_found_by_its_sender(
    homing: Homing, read: Read, receiver: Receiver, run_id: str
) -> None:
    target = ("--target", f"{receiver.url}/x", "--payload", "1")
    assert homing("send", *target, "--message-id", run_id, "--sender", "acme").exit_code == 0
    assert homing("status", run_id).exit_code == 1
    assert read("status", run_id, "--sender", "acme")["senderId"] == "acme"


def test_the_same_commands_go_to_a_stack_by_its_outputs(cloud: Target, dead_lettered: str) -> None:
    """The installed command is run, and AWS_ENDPOINT_URL makes the emulator stand for AWS."""
    endpoint = str(cloud.endpoint)
    key = cloud.key
    assert key is not None
    account = {
        "AWS_ACCESS_KEY_ID": key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
    }
    done = subprocess.run(  # noqa: S603 -- our own command
        [Path(sys.prefix, "bin", "homing"), "dead-letters", "show", dead_lettered, "--json"],
        env={
            **os.environ,
            **account,
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "NO_PROXY": "127.0.0.1",
            "HOMING_STACK": "Homing-local",
        },
        cwd="/",
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)[0]["reference"]["messageId"] == dead_lettered
