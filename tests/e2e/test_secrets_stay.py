"""Planted secrets and marked payloads are searched for wherever a run leaves data."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from typing import TYPE_CHECKING

import pytest

from homing_cli.local.emulator import log_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import KeyApi, Settle

    from homing_cli.client.target import Target
    from homing_cli.receiver.server import Receiver

MARK = "payload-mark"
FAST = {"maxAttempts": 2, "baseDelaySeconds": 0, "maxDelaySeconds": 0, "jitter": "none"}


def log_lines(cloud: Target) -> Iterator[str]:
    """Return what the functions, the workflows and the APIs have logged."""
    logs = cloud.client("logs")
    for page in logs.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            name = group["logGroupName"]
            for found in logs.get_paginator("filter_log_events").paginate(logGroupName=name):
                yield from (event["message"] for event in found["events"])


def histories(cloud: Target) -> Iterator[str]:
    """Return everything that Step Functions keeps about its executions."""
    states = cloud.client("stepfunctions")
    pages = states.get_paginator("list_executions").paginate(
        stateMachineArn=cloud.outputs["StateMachineArn"]
    )
    for page in pages:
        for execution in page["executions"]:
            arn = execution["executionArn"]
            yield json.dumps(states.describe_execution(executionArn=arn), default=str)
            yield json.dumps(
                states.get_execution_history(executionArn=arn, maxResults=1000), default=str
            )


def table(cloud: Target, output: str) -> str:
    pages = cloud.client("dynamodb").get_paginator("scan").paginate(TableName=cloud.outputs[output])
    return json.dumps([item for page in pages for item in page["Items"]])


def queue(cloud: Target, output: str) -> str:
    sqs, url, found = cloud.client("sqs"), cloud.outputs[output], []
    while messages := sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=2
    ).get("Messages"):
        found += [message["Body"] for message in messages]
    return "\n".join(found)


class Echo(socketserver.StreamRequestHandler):
    """Sends the request back as an error page or, at `/garbage`, as a response that is not HTTP."""

    def handle(self) -> None:
        lines = list(iter(self.rfile.readline, b"\r\n"))
        (length,) = [int(line.split()[1]) for line in lines if line.startswith(b"Content-Length")]
        text = b"".join(lines) + self.rfile.read(length)
        head = b"HTTP/1.1 500 x\r\nRetry-After: %b\r\n\r\n" % self.credentials(lines)
        self.wfile.write(text if b"/garbage" in lines[0] else head + text)

    def credentials(self, lines: list[bytes]) -> bytes:
        (line,) = [line for line in lines if line.startswith(b"Authorization")]
        return line.partition(b" ")[2].strip()


@pytest.fixture
def echo() -> Iterator[str]:
    """The URL of an endpoint that echoes each request."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def planted(
    enter: Callable[[str], KeyApi], receiver: Receiver, echo: str, settle: Settle, run_id: str
) -> dict[str, str]:
    """Run deliveries that end in every way; return each secret that was used, by a name."""
    shop = enter("leak")
    assert shop.key is not None
    header = f"header-{run_id}"
    secrets = {"key": shop.key.split("_", 2)[2], "header": header}
    scripts = {"ok": "200", "flaky": "503,200", "bad": "500", "gone": "410"}
    urls = {name: f"{receiver.url}/script/{script}/{name}" for name, script in scripts.items()}
    for name, url in {**urls, "echo": f"{echo}/page", "garbage": f"{echo}/garbage"}.items():
        settings = {
            "url": url,
            "headers": {"Authorization": f"Bearer {header}"},
            "policy": FAST,
        }
        _, made = shop("PUT", f"/v1/endpoints/{name}", settings)
        _, rotated = shop("POST", f"/v1/endpoints/{name}/rotate-secret", {})
        secrets |= {f"{name}, old": made["secret"], f"{name}, new": rotated["secret"]}
        body = {"endpointId": name, "payload": {"mark": f"{MARK}-{run_id}"}}
        status, accepted = shop("POST", "/v1/messages", body)
        assert status == 202
        settle(shop, accepted["messageId"])
    _until_logged()
    assert {arrival.headers["authorization"] for arrival in receiver.arrivals} == {
        f"Bearer {header}"
    }
    return secrets


def _until_logged() -> None:
    time.sleep(1)


def test_no_secret_is_in_a_log_a_history_a_record_a_queue_or_a_url(
    cloud: Target, cloud_folder: Path, planted: dict[str, str], receiver: Receiver, run_id: str
) -> None:
    places = {
        "logs": "\n".join(log_lines(cloud)),
        "emulator": log_file(cloud_folder / ".homing").read_text(errors="replace"),
        "histories": "\n".join(histories(cloud)),
        "ledger": table(cloud, "LedgerTable"),
        "messages": table(cloud, "MessagesTable"),
        "endpoints": table(cloud, "EndpointsTable"),
        "keys": table(cloud, "KeysTable"),
        "dead letters": queue(cloud, "DeadLetterQueueUrl"),
        "requests": "\n".join(f"{each.path} {each.body!r}" for each in receiver.arrivals),
    }
    leaks = [
        f"{name} in {place}"
        for place, text in places.items()
        for name, secret in planted.items()
        if secret in text or secret.removeprefix("whsec_") in text
    ]
    assert leaks == []
    # The places were really searched: data that may be there was found.
    for place in ("logs", "histories", "ledger", "messages", "endpoints", "dead letters"):
        assert f"leak-{run_id}" in places[place], place
    assert f"{MARK}-{run_id}" not in places["logs"]
    assert f"{MARK}-{run_id}" in places["histories"]
    assert "[redacted]" in places["histories"]  # the secrets that the echoing endpoint got
    assert "not an HTTP/1 response" in places["logs"]


def test_a_payload_is_in_no_table_except_in_the_record_of_a_failed_first_attempt(
    cloud: Target, planted: dict[str, str], run_id: str
) -> None:
    """There it is needed for a redrive (docs/decisions/0054)."""
    assert planted
    assert f"{MARK}-{run_id}" not in table(cloud, "MessagesTable")
    kept = [
        (record["status"]["S"], record["attempts"]["N"], sorted(marked))
        for record in json.loads(table(cloud, "LedgerTable"))
        if (marked := {name for name in record if f"{MARK}-{run_id}" in json.dumps(record[name])})
    ]
    assert kept == [("FAILED", "1", ["deadLetter"])]
