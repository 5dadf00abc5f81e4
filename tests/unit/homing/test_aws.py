"""Every function ends before its time-out, however slow AWS is, and names the slow service."""

from __future__ import annotations

import ast
import json
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError
from posted import posted

from homing import aws, deadline
from homing.retry.policy import Policy
from homing.senders.api_key import issue
from homing.sending.time_left import CALL_SECONDS
from homing.targets.address_guard import AddressGuard
from homing.timeouts import API_SECONDS, AUTHORIZER_SECONDS, STEP_SECONDS, Timeouts
from lambdas import accept, authorize, deliver, endpoints, get_message, record_retry, redrive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from homing.delivery import Delivery

PROJECT = Path(__file__).parents[3]


@dataclass
class SlowAws:
    """Makes every try take as long as it may; if `answers`, the last try of each call is answered.

    Concurrent calls of threads take place at the same time: each begins when its thread last read
    the clock, which it does before every call.
    """

    answers: bool = False
    now: float = 1000.0
    calls: list[str] = field(default_factory=list)
    threads: threading.local = field(default_factory=threading.local)

    def clock(self) -> float:
        self.threads.now = self.now
        return self.now

    def send(self, session: Any, request: Any) -> AWSResponse:
        connect, read = session._timeout.connect_timeout, session._timeout.read_timeout
        number, most = _try_of(request)
        self.threads.now += connect + read
        if number == 1:
            self.calls.append(request.headers.get("X-Amz-Target", b"").decode())
        else:
            # The longest pause that botocore makes before this try.
            self.threads.now += 2 ** (number - 2)
        self.now = max(self.now, self.threads.now)
        if self.answers and number == most:
            return AWSResponse(request.url, 200, {}, _Body())
        raise ReadTimeoutError(endpoint_url=request.url)


class _Body:
    """The empty body of a response."""

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield b'{"Items": [], "Count": 0, "Responses": {}}'


def _try_of(request: Any) -> tuple[int, int]:
    """Return which try of how many this is, from the header that botocore adds."""
    fields = dict(
        each.strip().split("=") for each in request.headers["amz-sdk-request"].decode().split(";")
    )
    return int(fields["attempt"]), int(fields.get("max", 99))


@dataclass(frozen=True)
class Context:
    """A Lambda context that uses the clock of a slow AWS."""

    slow: SlowAws
    ends_at: float
    aws_request_id: str = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return int((self.ends_at - self.slow.now) * 1000)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowAws]:
    slow = SlowAws()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "MESSAGES_TABLE": "messages",
        "LEDGER_TABLE": "ledger",
        "LINES_TABLE": "lines",
        "PLACES_TABLE": "places",
        "REDRIVES_TABLE": "redrives",
        "WATCHDOG_ARN": "arn:aws:lambda:us-east-1:000000000000:function:watchdog",
        "KEYS_TABLE": "keys",
        "ENDPOINTS_TABLE": "endpoints",
        "SECRETS_TABLE": "secrets",
        "PAYLOAD_BUCKET": "payloads",
        "OWN_HOSTS": "abc123.execute-api.",
        "DELIVERY_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/0/deliveries",
        "BULK_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/0/bulk",
        "SENDER_RATE_PER_SECOND": "100",
        "SENDER_BACKLOG": "1000",
        "WARM_UP_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:warm-up",
        "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:000000000000:stateMachine:delivery",
        "DEFAULT_POLICY": json.dumps(Policy().to_document()),
        "ADDRESS_GUARD": json.dumps(AddressGuard().to_document()),
        "RETENTION_DAYS": "30",
        "ATTEMPT_TIMEOUT_SECONDS": "15",
        "DISABLE_AFTER_HOURS": "120",
    }.items():
        monkeypatch.setenv(name, value)

    def send(session: Any, request: Any) -> AWSResponse:  # a method, so that it gets the session
        return slow.send(session, request)

    monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", send)
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    monkeypatch.setattr("homing.deadline.monotonic", slow.clock)
    _new_container()
    yield slow
    _new_container()
    deadline.begin(None)


def _new_container() -> None:
    for module in (accept, authorize, deliver, endpoints, get_message, record_retry, redrive):
        for each in vars(module).values():
            if hasattr(each, "cache_clear"):
                each.cache_clear()


def _request(method: str, path: str) -> dict[str, Any]:
    return {
        **posted('{"url": "https://shop.example/"}'),
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "requestContext": {"http": {"method": method, "path": path}, "stage": "$default"},
    }


MESSAGE = posted('{"targetUrl": "https://shop.example/", "payload": 1}')
TO_ENDPOINTS = posted('{"endpointIds": ["a", "b"], "payload": 1}')
API = [
    (accept, MESSAGE),
    (accept, TO_ENDPOINTS),
    (get_message, _request("GET", "/v1/messages/m1")),
    (redrive, _request("POST", "/v1/messages/m1/redrive")),
    (endpoints, _request("GET", "/v1/endpoints/e1")),
    (endpoints, _request("PUT", "/v1/endpoints/e1")),
]


@pytest.mark.parametrize(("function", "event"), API)
def test_an_api_function_answers_503_in_time_where_aws_does_not_answer(
    function: Any, event: dict[str, Any], slow: SlowAws
) -> None:
    ends_at = slow.now + API_SECONDS
    answer = function.handler(event, Context(slow, ends_at))
    assert answer["statusCode"] == 503
    assert slow.now < ends_at


@pytest.mark.parametrize(("function", "event"), API)
def test_an_api_function_answers_in_time_where_each_call_is_as_slow_as_it_may_be(
    function: Any, event: dict[str, Any], slow: SlowAws
) -> None:
    slow.answers = True
    ends_at = slow.now + API_SECONDS
    answer = function.handler(event, Context(slow, ends_at))
    assert answer["statusCode"] < 500 or answer["statusCode"] == 503
    assert slow.now < ends_at


BATCH = {
    **_request("POST", "/v1/messages/batch"),
    "body": json.dumps(
        {
            "messages": [
                {"targetUrl": "https://shop.example/", "payload": number} for number in range(100)
            ]
        }
    ),
}


@pytest.mark.parametrize("answers", [False, True])
def test_a_full_batch_is_answered_in_time_with_503_for_what_there_was_no_time_for(
    slow: SlowAws, answers: bool
) -> None:
    slow.answers = answers
    ends_at = slow.now + API_SECONDS
    answer = accept.handler(BATCH, Context(slow, ends_at))
    results = json.loads(answer["body"])["results"]
    assert answer["statusCode"] == 200
    assert len(results) == 100
    assert {each["status"] for each in results} == {503}
    assert all(each["problem"]["messageId"] for each in results)
    assert slow.now < ends_at


def test_the_authorizer_fails_in_time(slow: SlowAws) -> None:
    event = {"identitySource": [f"Bearer {issue('shop', '2025-12-28T12:00:00.000Z')[1]}"]}
    ends_at = slow.now + AUTHORIZER_SECONDS
    with pytest.raises(ReadTimeoutError):
        authorize.handler(event, Context(slow, ends_at))
    assert slow.now <= ends_at - aws.ANSWER_SECONDS


def test_a_retry_that_cannot_be_recorded_is_logged_in_time(
    delivery: Delivery, slow: SlowAws, logged: Callable[[], list[dict[str, Any]]]
) -> None:
    ends_at = slow.now + STEP_SECONDS
    record = record_retry.handler(_retry(delivery), Context(slow, ends_at))
    assert record["result"] == "UNRECORDED"
    assert "ledger.unrecorded" in [line["message"] for line in logged()]
    assert slow.now < ends_at


def test_deliver_returns_its_outcome_in_time(delivery: Delivery, slow: SlowAws) -> None:
    document = delivery.to_document()
    event = {
        "reference": {**document["reference"], "endpointId": "e1"},
        "request": document["request"],
        "attemptNumber": 0,
        "claim": {
            "executionName": "e",
            "generation": 0,
            "dueAt": "2025-12-28T12:00:00Z",
            "expiresAt": 1_769_515_200,
        },
    }
    ends_at = slow.now + Timeouts(15).deliver
    outcome = deliver.handler(event, Context(slow, ends_at))
    assert outcome["error"]["kind"] == "INTERNAL"
    assert slow.now < ends_at


def test_a_call_that_might_not_come_back_in_time_is_not_begun(slow: SlowAws) -> None:
    made = aws.client("dynamodb", read_seconds=2, tries=3)
    deadline.begin(Context(slow, slow.now + 12.5))  # 12 s for the call, 1 s for the response
    with pytest.raises(aws.OutOfTimeError, match="GetItem was not called: it may take 12 s, but"):
        made.get_item(TableName="ledger", Key={"pk": {"S": "a"}})
    assert slow.calls == []


@pytest.mark.parametrize(("read_seconds", "tries"), [(1, 1), (1, 2), (2, 3), (5, 4)])
def test_a_call_takes_as_long_as_is_reckoned_with(
    read_seconds: float, tries: int, slow: SlowAws
) -> None:
    began = slow.now
    made = aws.client("dynamodb", read_seconds=read_seconds, tries=tries)
    with pytest.raises(ReadTimeoutError):
        made.get_item(TableName="ledger", Key={"pk": {"S": "a"}})
    assert slow.now - began == aws.longest_call(read_seconds=read_seconds, tries=tries)


def test_a_call_of_deliver_takes_no_longer_than_it_reckons_with() -> None:
    """`registry_client`, `endpoint_watch` and `attempt_claim` use clients with these limits."""
    assert aws.longest_call(read_seconds=1, tries=2) <= CALL_SECONDS


@pytest.mark.parametrize("attempt_seconds", [1, 2.5, 15, 60])
def test_each_link_of_the_chain_outlasts_the_one_before(attempt_seconds: float) -> None:
    chain = Timeouts(attempt_seconds)
    links = [attempt_seconds, chain.deliver, chain.first_attempt, chain.dispatch, chain.visibility]
    assert links == sorted(set(links))


def test_what_waits_for_a_first_attempt_to_its_end_can_do_so_after_another(slow: SlowAws) -> None:
    """`dispatch` only begins a first attempt for which it has time, including that for a permit."""
    chain = Timeouts(15)
    longest = aws.longest_call(read_seconds=chain.first_attempt + 10, tries=1)
    assert chain.attempt_seconds + longest + aws.ANSWER_SECONDS < chain.dispatch


def test_clients_are_made_in_one_place_alone() -> None:
    """The test reads the source, since other tests would miss a client made elsewhere."""
    files = [path for folder in ("homing", "lambdas") for path in (PROJECT / folder).rglob("*.py")]
    found = {path.relative_to(PROJECT).as_posix() for path in files if _makes_clients(path)}
    # The latter is for users' own programs: it does not need boto3, and no function imports it.
    assert found == {"homing/aws.py", "homing/client/stack.py"}


def test_every_service_of_a_client_is_among_ours() -> None:
    """The services are not looked up, so a client of any other service cannot be made."""
    files = [path for folder in ("homing", "lambdas") for path in (PROJECT / folder).rglob("*.py")]
    used = {
        name
        for path in files
        if "client" not in path.relative_to(PROJECT).parts
        for name in re.findall(r'\bclient\(\s*"(\w+)"', path.read_text())
    }
    assert used == set(aws.SERVICES)


def _makes_clients(path: Path) -> bool:
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [each.name for each in node.names]
        if isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
    return any(
        name in ("boto3", "boto3.session", "botocore.config", "botocore.session") for name in names
    )


def _retry(delivery: Delivery) -> dict[str, Any]:
    document = delivery.to_document()
    named = ("reference", "generation", "attemptNumber", "attempts")
    return {
        **{name: document[name] for name in named},
        "executionName": "e-1",
        "outcome": {
            "timestamp": "2025-12-28T12:00:00.000Z",
            "responseTime": 12,
            "httpStatus": 503,
            "retryAfter": None,
            "responseBody": "",
            "error": None,
        },
        "verdict": {
            "decision": "RETRY",
            "category": "SERVER_ERROR",
            "reason": "HTTP 503",
            "status": "RETRY_SCHEDULED",
        },
        "backoff": {
            "exponentialDelay": 1,
            "jitterApplied": 0.25,
            "retryAfterSeconds": None,
            "retryDelaySeconds": 1,
            "nextRetryAt": "2025-12-28T12:00:01.250Z",
            "next": {"expiresAt": 1_769_515_201},
        },
    }
