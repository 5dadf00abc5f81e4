"""Builds events, and calls the real handlers with them in separate processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self

from benchmarks.sizes import APP
from homing.delivery import Delivery, Reference, Request
from homing.payloads.reference import reference_for
from homing.payloads.store import PayloadStore
from homing.retry.policy import Policy
from homing.timestamps import to_due_text, to_text
from homing_cli.client.target import Target, local_target
from homing_cli.local import local_cloud
from homing_cli.local.emulator import account_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Event = dict[str, Any]

PROJECT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Called:
    """The figures of a handler's process: memory in MB, processor time in milliseconds.

    Args:
        peak_mb: the highest resident set.
        importing: the processor time of the import.
        calls: the processor time of each call.
        bares: the processor time of each bare boto3 call; empty if there were none.
        requests: how many requests to AWS each call makes.
    """

    peak_mb: float
    importing: float
    calls: Sequence[float]
    bares: Sequence[float]
    requests: Sequence[int]


@dataclass(frozen=True, slots=True)
class Handlers:
    """Runs handlers that use a local cloud.

    Args:
        target: the local cloud whose tables and queues they use.
        environments: the environment variables of each deployed function, by its module.
        authorities: a file with the certificates that they trust; None for the usual ones.
        command: the Python that runs the handlers.
        code: the folders in which this Python finds the handlers and what they import.
        front: the port of 127.0.0.1 that serves the local cloud with TLS; None for no TLS.
    """

    target: Target
    environments: Mapping[str, Mapping[str, str]]
    authorities: Path | None = None
    command: tuple[str, ...] = (sys.executable,)
    code: tuple[Path, ...] = (PROJECT,)
    front: int | None = None

    @classmethod
    def of(cls, target: Target, authorities: Path | None = None) -> Self:
        """Return the handlers for the tables and queues of a local cloud."""
        return cls(target, _environments(target), authorities)

    def call(self, name: str, events: Sequence[Event], *, bare: bool = False) -> Called:
        """Call a handler with some events, one after the other, in a new process.

        Args:
            name: the module of the handler.
            events: the events.
            bare: whether each call is followed by a bare boto3 call.
        """
        table = self.environments["deliver"]["LEDGER_TABLE"] if bare else None
        fronts = {(self.target.endpoint or "").rpartition(":")[2]: self.front} if self.front else {}
        done = subprocess.run(
            [*self.command, PROJECT / "benchmarks" / "handler_process.py"],
            input=json.dumps({"name": name, "events": events, "bare": table, "fronts": fronts}),
            env=self.environment(name),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        found = json.loads(done.stdout.splitlines()[-1])
        _check(name, found["answer"] or {})
        in_ms = {key: [each * 1000 for each in found[key]] for key in ("calls", "bares")}
        return Called(
            found["peak"] / 1024, found["importing"] * 1000, **in_ms, requests=found["requests"]
        )

    def environment(self, name: str) -> dict[str, str]:
        """Return the environment variables for a handler: those of its deployed function."""
        key, endpoint = self.target.key, self.target.endpoint or ""
        assert key is not None  # noqa: S101 -- it is a local cloud
        files = ("SSL_CERT_FILE", "AWS_CA_BUNDLE")  # one for Python's TLS, one for botocore's
        trusted = dict.fromkeys(files, str(self.authorities)) if self.authorities else {}
        return {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            **account_settings(key),
            **self.environments[name],
            "AWS_ENDPOINT_URL": endpoint.replace("http:", "https:") if self.front else endpoint,
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "PYTHONPATH": os.pathsep.join(map(str, self.code)),
            **trusted,
        }

    def delivery(
        self, url: str, payload: str, *, endpoint_id: str | None = None, claimed: bool = False
    ) -> Event:
        """Return a delivery document; with `claimed`, one whose payload is in the bucket."""
        now = datetime.now(UTC)
        at = to_text(now)
        message_id = f"m-{uuid.uuid4().hex}"
        reference = Reference(message_id, "default", at, url, message_id, at, endpoint_id)
        request = Request(payload, "application/json", {})
        if claimed:
            body = payload.encode()
            claim = reference_for(reference.pk, body, timedelta(days=1))
            bucket = self.environment("deliver")["PAYLOAD_BUCKET"]
            PayloadStore(bucket, lambda: self.target.client("s3")).keep(claim, body)
            request = Request("", "application/json", {}, claim)
        due_at, expires_at = to_due_text(now.replace(microsecond=0)), int(now.timestamp()) + 900
        return Delivery(reference, request, Policy(), 0, due_at, expires_at).to_document()


def _environments(target: Target) -> dict[str, dict[str, str]]:
    pages = target.client("lambda").get_paginator("list_functions").paginate()
    return {
        function["Handler"].split(".")[1]: function["Environment"]["Variables"]
        for page in pages
        for function in page["Functions"]
    }


@contextmanager
def deployed(*, steady: bool = False) -> Iterator[Target]:
    """Run a local cloud until the context exits."""
    with TemporaryDirectory() as name, local_cloud.throwaway(Path(name), app=APP, steady=steady):
        yield local_target(Path(name) / local_cloud.RECORD)


def post(message: Event) -> Event:
    """Return the event that `accept` gets for `POST /v1/messages`."""
    return _posted("/v1/messages", {"messageId": f"m-{uuid.uuid4().hex}", **message})


def post_batch(messages: Sequence[Event]) -> Event:
    """Return the event that `accept` gets for `POST /v1/messages/batch`."""
    each = [{"messageId": f"m-{uuid.uuid4().hex}", **message} for message in messages]
    return _posted("/v1/messages/batch", {"messages": each})


def queued(documents: Sequence[Event]) -> Event:
    """Return the event that `dispatch` gets for a batch of the delivery queue."""
    return {"Records": [_record(document) for document in documents]}


def attempt(document: Event) -> Event:
    """Return the event that `deliver` gets for an attempt."""
    return {name: document[name] for name in ("reference", "request", "attemptNumber")}


def _posted(path: str, body: Event) -> Event:
    http = {"method": "POST", "path": path, "sourceIp": "127.0.0.1"}
    return {
        "version": "2.0",
        "rawPath": path,
        "headers": {"content-type": "application/json"},
        "requestContext": {"http": http, "stage": "$default"},
        "body": json.dumps(body),
    }


def _record(document: Event) -> Event:
    name = uuid.uuid4().hex
    attributes = {"ApproximateReceiveCount": "1", "MessageGroupId": name}
    body = json.dumps(document)
    return {"messageId": name, "receiptHandle": name, "body": body, "attributes": attributes}


def _check(name: str, answer: Any) -> None:
    """Abort the benchmark if a handler did not do its work."""
    bad = (
        answer.get("error") or answer.get("batchItemFailures") or answer.get("kind") == "SUPERSEDED"
    )
    good = (HTTPStatus.ACCEPTED, HTTPStatus.OK)
    if bad or answer.get("statusCode", HTTPStatus.ACCEPTED) not in good:
        raise SystemExit(f"{name}: {answer}")
