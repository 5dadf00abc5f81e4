"""The whole API in one process: the real handlers, with moto, called as by API Gateway.

`in_process_api` yields a function that calls it; `served` serves it on a port of 127.0.0.1 for
other programs.
"""

from __future__ import annotations

import base64
import json
import os
import re
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import parse_qs, unquote, urlsplit

os.environ.update(POWERTOOLS_SERVICE_NAME="homing", POWERTOOLS_METRICS_NAMESPACE="Homing")

import boto3
from moto import mock_aws

from homing.api.routes import ROUTES
from homing.ledger.delivery_index import INDEXES, PROJECTED
from homing.recovery.bulk_redrives import WatchdogFunction
from homing.retry.policy import Policy
from homing.targets.address_guard import AddressGuard
from lambdas import accept, endpoints, get_message, redrive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_TABLES = {
    "messages": ["pk"],
    "ledger": ["pk", "sk"],
    "redrives": ["pk", "sk"],
    "lines": ["pk"],
    "places": ["pk", "sk"],
    "keys": ["pk"],
    "secrets": ["pk"],
    "endpoints": ["pk", "sk"],
}
_HANDLERS: dict[str, Any] = {
    "accept": accept,
    "endpoints": endpoints,
    "get_message": get_message,
    "redrive": redrive,
}
_PATTERNS = [
    (route.method, re.compile(re.sub(r"\{\w+\}", "[^/]+", route.path)), _HANDLERS[route.function])
    for route in ROUTES
]
_CACHES = (
    accept._settings,
    accept._acceptance,
    accept._rules,
    endpoints._settings,
    endpoints._store,
    get_message._query,
    get_message._index,
    redrive._settings,
    redrive._query,
    redrive._interventions,
    redrive._bulk,
)
_INDEXED = (*INDEXES, "attentionAt")
# Media types that an HTTP API passes to the function as text; all others come in base64.
_TEXT = re.compile(r"text/.*|application/(json|javascript|xml|.*\+json|.*\+xml)")


@dataclass(frozen=True)
class Answer:
    """A response of the API."""

    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def document(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Api:
    """The API as called with a key of `key_sender` or, if that is None, under IAM."""

    key_sender: str | None = None
    lock: Lock = field(default_factory=Lock)
    host: str = "xyz789.execute-api.us-east-1.amazonaws.com"

    def ask(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make a request; `target` is the path and the query."""
        parts = urlsplit(target)
        path = unquote(parts.path, errors="replace")
        for known, pattern, function in _PATTERNS:
            if known == method and pattern.fullmatch(parts.path):
                with self.lock:  # all threads share moto's one account
                    event = self._event(method, path, parts.query, body, headers or {})
                    answer = function.handler(event, None)
                return Answer(answer["statusCode"], answer["headers"], answer["body"])
        return Answer(404, {"Content-Type": "application/json"}, '{"message":"Not Found"}')

    def _event(
        self, method: str, path: str, query: str, body: bytes, headers: Mapping[str, str]
    ) -> dict[str, Any]:
        lower = {name.lower(): value for name, value in headers.items()}
        given = parse_qs(query, keep_blank_values=True, errors="replace")
        is_text = _TEXT.match(lower.get("content-type", "text/plain")) is not None
        text = body.decode(errors="replace") if is_text else base64.b64encode(body).decode()
        authorizer = (
            {"iam": {}} if self.key_sender is None else {"lambda": {"senderId": self.key_sender}}
        )
        return {
            "version": "2.0",
            "routeKey": f"{method} {path}",
            "rawPath": path,
            "rawQueryString": query,
            "headers": lower,
            **(
                {"queryStringParameters": {name: ",".join(each) for name, each in given.items()}}
                if given
                else {}
            ),
            "requestContext": {
                "http": {"method": method, "path": path},
                "stage": "$default",
                "domainName": self.host,
                "authorizer": authorizer,
            },
            **({"body": text} if body else {}),
            "isBase64Encoded": bool(body) and not is_text,
        }


@contextmanager
def in_process_api() -> Iterator[Callable[[str | None], Api]]:
    """Set up the API in its own account; yield a function that returns it for a key's sender."""
    with ExitStack() as stack:
        credentials = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        environment = dict.fromkeys(credentials, "test") | {"AWS_DEFAULT_REGION": "us-east-1"}
        stack.enter_context(patch.dict(os.environ, environment))
        stack.enter_context(mock_aws())
        stack.enter_context(patch.dict(os.environ, _account()))
        # Otherwise moto would run the function in a container.
        stack.enter_context(patch.object(WatchdogFunction, "run"))
        stack.callback(_clear)
        _clear()
        lock = Lock()
        yield lambda key_sender: Api(key_sender, lock)


@contextmanager
def served(api: Api) -> Iterator[str]:
    """Serve the API on a port of 127.0.0.1; yield its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = api.ask(self.command, self.path, body, dict(self.headers.items()))
            content = answer.body.encode()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 -- http.server's names

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _account() -> dict[str, str]:
    """Create the resources of the stack; return the environment of its functions."""
    dynamodb = boto3.client("dynamodb")
    for name, keys in _TABLES.items():
        dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": key, "KeyType": kind}
                for key, kind in zip(keys, ["HASH", "RANGE"], strict=False)
            ],
            AttributeDefinitions=[
                {"AttributeName": key, "AttributeType": "S"}
                for key in (*keys, *(_INDEXED if name == "ledger" else ()))
            ],
            **({"GlobalSecondaryIndexes": _indexes()} if name == "ledger" else {}),
        )
    queue = boto3.client("sqs").create_queue(
        QueueName="deliveries.fifo", Attributes={"FifoQueue": "true"}
    )
    machine = boto3.client("stepfunctions").create_state_machine(
        name="delivery",
        definition='{"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}',
        roleArn="arn:aws:iam::123456789012:role/delivery",
    )
    boto3.client("s3").create_bucket(Bucket="payloads")
    return {
        **{f"{name.upper()}_TABLE": name for name in _TABLES},
        "DELIVERY_QUEUE_URL": queue["QueueUrl"],
        "BULK_QUEUE_URL": queue["QueueUrl"],
        "SENDER_RATE_PER_SECOND": "0",
        "SENDER_BACKLOG": "1000",
        "WARM_UP_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:warm-up",
        "STATE_MACHINE_ARN": machine["stateMachineArn"],
        "PAYLOAD_BUCKET": "payloads",
        "WATCHDOG_ARN": "arn:aws:lambda:us-east-1:123456789012:function:watchdog",
        "OWN_HOSTS": "abc123.execute-api.",
        "RETENTION_DAYS": "30",
        "DEFAULT_POLICY": json.dumps(Policy().to_document()),
        "ADDRESS_GUARD": json.dumps(AddressGuard().to_document()),
    }


def _indexes() -> list[dict[str, Any]]:
    return [
        {
            "IndexName": index,
            "KeySchema": [
                {"AttributeName": index, "KeyType": "HASH"},
                {"AttributeName": "attentionAt", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": [*PROJECTED]},
        }
        for index in INDEXES
    ]


def _clear() -> None:
    for cached in _CACHES:
        cached.cache_clear()
