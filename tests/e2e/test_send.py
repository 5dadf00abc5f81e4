"""`homing send`: exact bytes, whole files, exit statuses."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from homing.items import from_dynamodb

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Homing

    from homing_cli.client.target import Target
    from homing_cli.receiver.server import Receiver

MESSAGES = 200
BAD_LINE = 100


def ledger(cloud: Target, run_id: str) -> dict[str, dict[str, Any]]:
    """Return a test's deliveries in the ledger, by messageId; duplicates would show."""
    pages = cloud.client("dynamodb").get_paginator("scan")
    found = pages.paginate(TableName=cloud.outputs["LedgerTable"], ConsistentRead=True)
    items = [from_dynamodb(item) for page in found for item in page["Items"]]
    ours = [item for item in items if item["messageId"].startswith(run_id)]
    assert len({item["messageId"] for item in ours}) == len(ours)
    return {item["messageId"]: item for item in ours}


@pytest.fixture
def messages(receiver: Receiver, run_id: str, tmp_path: Path) -> Path:
    """Write a file with 200 valid messages, every tenth of which fails once, and an invalid one."""
    lines = []
    for number in range(MESSAGES):
        script = "503,200" if number % 10 == 0 else "200"
        url = f"{receiver.url}/script/{script}/{run_id}-{number}"
        message_id = f'"messageId": "{run_id}-{number}"'
        lines.append(f'{{"targetUrl": "{url}", "payload": {{"n": {number}.10}}, {message_id}}}')
    lines.insert(BAD_LINE - 1, '{"targetUrl": "nowhere", "payload": 1}')
    path = tmp_path / "messages.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_file_is_delivered_whole_with_none_lost_and_none_recorded_twice(
    homing: Homing, cloud: Target, receiver: Receiver, messages: Path, run_id: str
) -> None:
    done = homing("send", "--file", str(messages), "--wait", "--timeout", "300", "--json")
    report = json.loads(done.stdout)
    ids = {f"{run_id}-{number}" for number in range(MESSAGES)}
    assert {message["messageId"] for message in report["accepted"]} == ids
    assert [refused["line"] for refused in report["refused"]] == [BAD_LINE]
    assert Counter(each["status"] for each in report["deliveries"]) == {"DELIVERED": MESSAGES}
    assert f"line {BAD_LINE}: refused: targetUrl: " in done.stderr
    assert done.exit_code == 1  # since one line was refused

    recorded = ledger(cloud, run_id)
    came = Counter(arrival.message_id for arrival in receiver.arrivals)
    assert (recorded.keys(), came.keys()) == (ids, ids)
    for message_id, item in recorded.items():
        entries = item["retryHistory"]
        assert [int(entry["attemptNumber"]) for entry in entries] == list(range(len(entries)))
        assert (item["status"], int(item["attempts"])) == ("DELIVERED", len(entries))
        # Under load an attempt may time out, and then it is unknown whether it arrived.
        answered = [entry for entry in entries if entry["httpStatus"]]
        assert len(answered) <= came[message_id] <= len(entries)
    assert {arrival.body for arrival in receiver.arrivals} == {
        f'{{"n": {number}.10}}'.encode() for number in range(MESSAGES)
    }


def test_a_message_that_failed_once_is_sent_twice_and_no_more(
    homing: Homing, cloud: Target, receiver: Receiver, run_id: str
) -> None:
    target = f"{receiver.url}/script/503,200"
    done = homing("send", "--target", target, "--payload", "1", "--message-id", run_id, "--wait")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1] == f"1 accepted: {run_id}; deliveries: 1 DELIVERED"
    assert [entry["httpStatus"] for entry in ledger(cloud, run_id)[run_id]["retryHistory"]] == [
        503,
        200,
    ]
    assert len(receiver.arrivals) == 2


def test_a_file_sent_again_is_accepted_and_delivered_no_second_time(
    homing: Homing, receiver: Receiver, run_id: str, tmp_path: Path
) -> None:
    line = {"targetUrl": f"{receiver.url}/x", "payload": 1, "messageId": run_id}
    path = tmp_path / "messages.jsonl"
    path.write_text(json.dumps(line) + "\n" + json.dumps(line) + "\n")
    for duplicates in (1, 2):
        done = homing("send", "--file", str(path), "--wait", "--json")
        report = json.loads(done.stdout)
        assert (done.exit_code, report["duplicates"]) == (0, duplicates)
        assert report["accepted"] == [{"line": 1, "messageId": run_id, "senderId": "default"}]
        assert [each["status"] for each in report["deliveries"]] == ["DELIVERED"]
    assert len(receiver.arrivals) == 1


def test_a_file_can_come_from_standard_input(homing: Homing, receiver: Receiver) -> None:
    line = json.dumps({"targetUrl": f"{receiver.url}/x", "payload": {}}).encode()
    done = homing("send", "--file", "-", "--wait", stdin=b"\n" + line + b"\n")
    assert (done.exit_code, len(receiver.arrivals)) == (0, 1)


@pytest.mark.parametrize(
    ("payload", "options"),
    [
        ('{"a": 12345678901234567890, "b": 1.10, "a2": "\\u00e9"}', ()),
        ("<a>&amp;</a>", ("--content-type", "application/xml")),
    ],
)
def test_a_payload_arrives_as_it_was_written(
    homing: Homing, receiver: Receiver, payload: str, options: tuple[str, ...]
) -> None:
    done = homing("send", "--target", f"{receiver.url}/x", "--payload", payload, *options, "--wait")
    assert done.exit_code == 0
    (arrival,) = receiver.arrivals
    assert arrival.body == payload.encode()


def test_a_failed_delivery_is_not_a_success(homing: Homing, receiver: Receiver) -> None:
    target = f"{receiver.url}/script/410"
    done = homing("send", "--target", target, "--payload", "1", "--wait")
    assert done.exit_code == 1
    assert "FAILED after 1 attempt (GONE: HTTP 410)" in done.stdout


def test_without_wait_an_accepted_message_is_a_success_and_its_id_is_printed(
    homing: Homing, receiver: Receiver
) -> None:
    done = homing("send", "--target", f"{receiver.url}/script/410", "--payload", "1")
    assert done.exit_code == 0
    told = re.fullmatch(r"1 accepted: (msg_[0-9a-f]{32})\n", done.stdout)
    assert told
    assert homing("status", told[1]).exit_code == 0


def test_each_of_several_messages_is_reported_with_its_line(
    homing: Homing, receiver: Receiver
) -> None:
    line = json.dumps({"targetUrl": f"{receiver.url}/x", "payload": {}}).encode()
    done = homing("send", "--file", "-", stdin=line + b"\n\n" + line + b"\n")
    assert done.exit_code == 0
    first, third, summary = done.stdout.splitlines()
    assert re.fullmatch(r"line 1: accepted: msg_[0-9a-f]{32}", first)
    assert re.fullmatch(r"line 3: accepted: msg_[0-9a-f]{32}", third)
    assert summary == "2 accepted"


def test_a_refused_message_is_reported_with_the_field(homing: Homing) -> None:
    done = homing("send", "--target", "http://169.254.169.254/", "--payload", "1")
    assert (done.exit_code, done.stdout) == (1, "0 accepted; 1 refused\n")
    assert done.stderr.startswith("targetUrl: ")


def test_waiting_ends_at_the_timeout_and_is_not_a_success(
    homing: Homing, receiver: Receiver, run_id: str
) -> None:
    policy = {"maxAttempts": 2, "baseDelaySeconds": 600, "maxDelaySeconds": 600}
    line = {"targetUrl": f"{receiver.url}/script/503", "payload": 1, "policy": policy}
    body = json.dumps(line | {"messageId": run_id}).encode()
    done = homing("send", "--file", "-", "--wait", "--timeout", "1", "--json", stdin=body)
    (delivery,) = json.loads(done.stdout)["deliveries"]
    assert done.exit_code == 1
    assert f"`homing status {run_id}`" in done.stderr
    assert delivery["status"] in {"QUEUED", "RETRY_SCHEDULED"}
