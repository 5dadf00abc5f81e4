"""Which message a request becomes, or why the request is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.delivery import document_text
from homing.endpoints.endpoint import Endpoint
from homing.errors import InvalidMessageError
from homing.reception.message import (
    MAX_BODY_BYTES,
    MAX_DOCUMENT_BYTES,
    Message,
    Rules,
    parse_message,
)
from homing.reception.payload import MAX_INLINE_BYTES, MAX_PAYLOAD_BYTES
from homing.reception.recipients import (
    FindEndpoints,
    FindSubscribers,
    no_endpoints,
    no_subscribers,
)
from homing.retry.policy import PRESETS, Jitter, Policy
from homing.targets.address_guard import AddressGuard

NOON = datetime(2025, 12, 28, 12, 0, 0, 250_000, tzinfo=UTC)
URL = "https://example.com/hooks"
RETENTION = timedelta(days=30)


def parse(
    body: str | bytes,
    *,
    now: datetime = NOON,
    default: Policy | None = None,
    find_endpoints: FindEndpoints = no_endpoints,
    find_subscribers: FindSubscribers = no_subscribers,
) -> Message:
    return parse_message(
        body,
        now=now,
        rules=Rules(
            default_policy=default or Policy(),
            retention=RETENTION,
            guard=AddressGuard(allowed_ports=range(65_536), allow_http=True),
            new_id=lambda: "msg_new",
        ),
        find_subscribers=find_subscribers,
        find_endpoints=find_endpoints,
    )


def body_of(payload: str = "{}", **fields: Any) -> str:
    """Return a request body with the given fields; a field that is None is left out."""
    given = {"targetUrl": URL} | fields
    members = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in given.items() if v is not None]
    return "{" + ", ".join([*members, f'"payload": {payload}']) + "}"


def refusal(body: str | bytes) -> InvalidMessageError:
    with pytest.raises(InvalidMessageError) as caught:
        parse(body)
    return caught.value


def wrong_fields(body: str | bytes) -> list[str]:
    return [error.field for error in refusal(body).errors]


def test_a_message_needs_no_more_than_a_target_and_a_payload() -> None:
    message = parse(body_of('{"total": 1.10}'))
    (delivery,) = message.deliveries()
    assert delivery.to_document() == {
        "reference": {
            "messageId": "msg_new",
            "senderId": "default",
            "timestamp": "2025-12-28T12:00:00.250Z",
            "targetUrl": URL,
            "correlationId": "msg_new",
            "createdAt": "2025-12-28T12:00:00.250Z",
            "pk": "msg_new#default",
            "sk": f"2025-12-28T12:00:00.250Z#{URL}",
            "deliveryId": delivery.reference.delivery_id,
        },
        "request": {
            "payload": '{"total": 1.10}',
            "contentType": "application/json",
            "headers": {},
        },
        "policy": Policy().to_document(),
        "attemptNumber": 0,
        "attempts": 1,
        "dueAt": "2025-12-28T12:00:00Z",
        "expiresAt": int(NOON.timestamp()) + 30 * 86_400,
        "previousDelaySeconds": None,
        "generation": 0,
    }


def test_every_field_of_a_request_is_in_the_message() -> None:
    message = parse(
        body_of(
            messageId="order:18_41-a",
            senderId="shop@example.com",
            timestamp="2025-12-28T13:00:00.1239+01:00",
            correlationId="trace 7",
            headers={"X-Tenant": "acme", "x-empty": ""},
            contentType="application/vnd.acme+json; charset=UTF-8",
            deliverAt="2025-12-28T12:00:03.001Z",
            policy={"maxAttempts": 5},
        )
    )
    assert message.idempotency.key == "order:18_41-a#shop@example.com"
    assert message.idempotency.timestamp == "2025-12-28T12:00:00.123Z"
    assert message.idempotency.correlation_id == "trace 7"
    assert message.request.headers == {"X-Tenant": "acme", "x-empty": ""}
    assert message.request.content_type == "application/vnd.acme+json; charset=UTF-8"
    assert message.policy == replace(Policy(), max_attempts=5)
    assert message.idempotency.deliver_at == "2025-12-28T12:00:03.001Z"
    assert message.idempotency.due_at == "2025-12-28T12:00:04Z"  # never early


def test_the_correlation_id_is_the_message_id_where_none_is_given() -> None:
    assert parse(body_of(messageId="order-1841")).idempotency.correlation_id == "order-1841"


def test_equal_targets_are_one_delivery_each_in_the_order_of_the_request() -> None:
    urls = ["http://b.example/", "http://a.example/", "http://b.example/"]
    message = parse(body_of(targetUrl=None, targets=urls))
    assert [each.reference.target_url for each in message.deliveries()] == [
        "http://b.example/",
        "http://a.example/",
    ]


@pytest.mark.parametrize(
    ("deliver_at", "due_at"),
    [
        ("2025-12-28T11:59:00.250Z", "2025-12-28T12:00:00Z"),  # a clock that is a minute slow
        ("2025-12-28T12:00:00.250Z", "2025-12-28T12:00:01Z"),
        ("2025-12-28T13:00:01+01:00", "2025-12-28T12:00:01Z"),
        ("2026-12-28T10:00:00Z", "2026-12-28T10:00:00Z"),
    ],
)
def test_a_scheduled_message_is_due_at_its_time_and_kept_from_then_on(
    deliver_at: str, due_at: str
) -> None:
    idempotency = parse(body_of(deliverAt=deliver_at)).idempotency
    due = datetime.fromisoformat(due_at)
    assert idempotency.due_at == due_at
    assert not idempotency.is_overdue
    assert timedelta() <= datetime.fromtimestamp(idempotency.expires_at, UTC) - due - RETENTION
    assert datetime.fromtimestamp(idempotency.expires_at, UTC) - due - RETENTION <= timedelta(
        seconds=1
    )


@pytest.mark.parametrize("deliver_at", ["2025-12-28T11:59:00.249Z", "2020-01-01T00:00:00Z"])
def test_a_message_for_the_past_is_overdue_which_only_a_duplicate_may_be(deliver_at: str) -> None:
    assert parse(body_of(deliverAt=deliver_at)).idempotency.is_overdue


def test_the_time_of_reception_may_come_in_any_zone() -> None:
    message = parse(body_of(), now=NOON.astimezone(timezone(timedelta(hours=9))))
    assert message.idempotency.due_at == "2025-12-28T12:00:00Z"
    assert message.idempotency.created_at == "2025-12-28T12:00:00.250Z"


@pytest.mark.parametrize(
    "payload",
    [
        "12345678901234567890",
        "1.10",
        r'{"b": 1e3, "a" : "\u00e9\/é",  "b": [1 , 2]}',
        '"text"',
        "null",
        "false",
        r'"\ud800"',
    ],
)
def test_a_json_payload_is_sent_as_it_is_written(payload: str) -> None:
    assert parse(body_of(payload)).request.payload == payload
    assert parse(body_of(payload).encode()).request.payload == payload


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff")))
def test_any_text_payload_is_sent_as_what_the_string_says(text: str) -> None:
    for payload in (json.dumps(text), json.dumps(text, ensure_ascii=False)):
        message = parse(body_of(payload, contentType="text/plain; charset=utf-8"))
        assert message.request.payload == text


def test_a_text_payload_may_be_empty() -> None:
    assert parse(body_of('""', contentType="text/plain")).request.payload == ""


# Invalid inputs: the request, the field that the error names, and a part of its message.
BAD_BODIES = [
    ("", "body", "JSON object"),
    ("hello", "body", "JSON object"),
    ("[]", "body", "JSON object"),
    ("null", "body", "JSON object"),
    ('{"payload": 1', "body", "not JSON"),
    (b'{"payload": "\xff"}', "body", "UTF-8"),
    ('{"payload": NaN, "targetUrl": "http://a/"}', "payload", "NaN"),
    ('{"payload": -Infinity}', "payload", "Infinity"),
    ('{"payload": 1, "payload": 2}', "payload", "twice"),
    ('{"payload": ' + "[" * 9999 + "]" * 9999 + "}", "payload", "nested"),
    ('{"headers": ' + "[" * 9999 + "]" * 9999 + "}", "headers", "nested"),
    ('{"headers": {"a": "1", "a": "2"}}', "headers", "duplicate key"),
    ('{"targetUrl": "http://a/"}', "payload", "required"),
    ('{"payload": 1}', "targetUrl", "required"),
]
BAD_FIELDS: list[tuple[str, Any, str, str]] = [
    # unknown and misspelt
    ("tragetUrl", URL, "tragetUrl", "not a known field"),
    ("target_url", URL, "target_url", "not a known field"),
    # a targetUrl; test_target_url.py has more of them
    ("targetUrl", "", "targetUrl", "absolute"),
    ("targetUrl", "/hooks", "targetUrl", "absolute"),
    ("targetUrl", "ftp://example.com/", "targetUrl", "http"),
    ("targetUrl", "https://user:secret@example.com/", "targetUrl", "credentials"),
    ("targetUrl", "https://example.com/" + "a" * 980, "targetUrl", "longer than 999"),
    ("targetUrl", 5, "targetUrl", "string"),
    ("targetUrl", ["http://a/"], "targetUrl", "string"),
    # targets
    ("targets", [URL], "targets", "cannot be combined with targetUrl"),
    # messageId
    ("messageId", "", "messageId", "1 to 128"),
    ("messageId", "a#b", "messageId", "no '#'"),
    ("messageId", "a.b", "messageId", "no dot"),
    ("messageId", "a b", "messageId", "letters"),
    ("messageId", "a\n", "messageId", "letters"),
    ("messageId", "é", "messageId", "letters"),
    ("messageId", "a" * 129, "messageId", "1 to 128"),
    ("messageId", 7, "messageId", "string"),
    ("messageId", "\ud800", "messageId", "letters"),
    # senderId
    ("senderId", "a#b", "senderId", "no '#'"),
    ("senderId", "", "senderId", "1 to 128"),
    ("senderId", "a" * 129, "senderId", "1 to 128"),
    ("senderId", False, "senderId", "string"),
    # correlationId
    ("correlationId", "a\r\nX-Evil: 1", "correlationId", "printable ASCII"),
    ("correlationId", "é", "correlationId", "printable ASCII"),
    ("correlationId", " a", "correlationId", "space"),
    ("correlationId", "", "correlationId", "1 to 128"),
    ("correlationId", "a" * 129, "correlationId", "1 to 128"),
    # timestamp
    ("timestamp", "yesterday", "timestamp", "ISO-8601"),
    ("timestamp", "2025-12-28T12:00:00", "timestamp", "time zone"),
    ("timestamp", "2025-12-28", "timestamp", "time zone"),
    ("timestamp", "2025-02-30T12:00:00Z", "timestamp", "ISO-8601"),
    ("timestamp", "0001-01-01T00:00:00+10:00", "timestamp", "out of range"),
    ("timestamp", 1766923200, "timestamp", "string"),
    # deliverAt
    ("deliverAt", "tomorrow", "deliverAt", "ISO-8601"),
    ("deliverAt", "2026-12-24", "deliverAt", "is a date without a time and a time zone"),
    ("deliverAt", "2026-01-01T00:00:00", "deliverAt", "time zone"),
    ("deliverAt", "2026-12-28T12:00:01Z", "deliverAt", "365 days"),
    ("deliverAt", "9999-12-31T23:59:59Z", "deliverAt", "365 days"),
    ("deliverAt", "2026-12-28T11:59:59Z", "deliverAt", "does not fit all attempts"),
    ("deliverAt", 1766923200, "deliverAt", "string"),
    # headers; test_http_fields.py has more of them
    ("headers", [], "headers", "object"),
    ("headers", "a: b", "headers", "object"),
    ("headers", {"Host": "a"}, "headers.Host", "Homing or the connection"),
    ("headers", {"Transfer-Encoding": "chunked"}, "headers.Transfer-Encoding", "connection"),
    ("headers", {"x-a": "1\r\nx-b: 2"}, "headers.x-a", "CR, LF"),
    ("headers", {"x-a\r\n": "1"}, "headers.x-a\r\n", "not a header name"),
    ("headers", {"x-a": 1}, "headers.x-a", "string"),
    ("headers", {"x-a": ["1"]}, "headers.x-a", "string"),
    ("headers", {"x-a": "1", "X-A": "2"}, "headers", "x-a"),
    ("headers", {f"x-{n}": "" for n in range(33)}, "headers", "at most 32"),
    ("headers", {"x-a": "a" * 8192}, "headers", "at most 8192"),
    # contentType
    ("contentType", "", "contentType", "media type"),
    ("contentType", "json", "contentType", "media type"),
    ("contentType", "text/plain\r\nx: y", "contentType", "media type"),
    ("contentType", "text/plain; charset=latin1", "contentType", "UTF-8"),
    ("contentType", "text/" + "a" * 256, "contentType", "longer"),
    ("contentType", 1, "contentType", "string"),
    # policy
    ("policy", [], "policy", "object"),
    ("policy", "standard-webhooks", "policy", "object"),
    ("policy", {"attempts": 3}, "policy.attempts", "not a known field"),
    ("policy", {"retryAfterCeilingSeconds": 3}, "policy.retryAfterCeilingSeconds", "not a known"),
    ("policy", {"maxAttempts": 0}, "policy.maxAttempts", "1"),
    ("policy", {"maxAttempts": 21}, "policy.maxAttempts", "20"),
    ("policy", {"maxAttempts": 10**30}, "policy.maxAttempts", "20"),
    ("policy", {"maxAttempts": 2.5}, "policy.maxAttempts", "integer"),
    ("policy", {"maxAttempts": "3"}, "policy.maxAttempts", "integer"),
    ("policy", {"maxAttempts": True}, "policy.maxAttempts", "integer"),
    ("policy", {"baseDelaySeconds": -1}, "policy.baseDelaySeconds", "0"),
    ("policy", {"baseDelaySeconds": "1"}, "policy.baseDelaySeconds", "number"),
    ("policy", {"baseDelaySeconds": False}, "policy.baseDelaySeconds", "number"),
    ("policy", {"baseDelaySeconds": 0.0001}, "policy.baseDelaySeconds", "three decimal places"),
    ("policy", {"baseDelaySeconds": 3601}, "policy.baseDelaySeconds", "maxDelaySeconds (3600)"),
    ("policy", {"maxDelaySeconds": 0.5}, "policy.maxDelaySeconds", "baseDelaySeconds (1)"),
    ("policy", {"maxDelaySeconds": 31_536_001}, "policy.maxDelaySeconds", "31536000"),
    ("policy", {"multiplier": 0.5}, "policy.multiplier", "1"),
    ("policy", {"multiplier": 101}, "policy.multiplier", "100"),
    ("policy", {"jitter": "some"}, "policy.jitter", "'decorrelated'"),
    ("policy", {"jitter": "\ud800"}, "policy.jitter", "string"),
    ("policy", {"\ud800": 1}, "policy.\\ud800", "not a known field"),
    ("policy", {"jitter": 1}, "policy.jitter", "'decorrelated'"),
    ("policy", {"schedule": []}, "policy.schedule", "at least one"),
    ("policy", {"schedule": 5}, "policy.schedule", "array"),
    ("policy", {"schedule": [1] * 21}, "policy.schedule", "at most 20"),
    ("policy", {"schedule": [1] * 20}, "policy.schedule", "makes 21 attempts"),
    ("policy", {"schedule": [0], "maxAttempts": 2}, "policy.schedule", "no wait"),
    ("policy", {"schedule": [1, -5]}, "policy.schedule[1]", "0"),
    ("policy", {"schedule": ["5"]}, "policy.schedule[0]", "number"),
    ("policy", {"schedule": [31_536_000]}, "policy", "does not fit all attempts"),
    ("policy", {"schedule": [5], "preset": "standard-webhooks"}, "policy.preset", "schedule"),
    ("policy", {"schedule": [5], "multiplier": 2}, "policy.multiplier", "combined with schedule"),
    ("policy", {"schedule": [5], "jitter": "decorrelated"}, "policy.jitter", "decorrelated"),
    ("policy", {"preset": "standard"}, "policy.preset", "standard-webhooks"),
    ("policy", {"preset": "standard-webhooks", "baseDelaySeconds": 1}, "policy.baseDelaySeconds",
     "combined with preset"),
    ("policy", {"preset": "standard-webhooks", "maxDelaySeconds": 9}, "policy.maxDelaySeconds",
     "combined with preset"),
    ("policy", {"retryOn": "404"}, "policy.retryOn", "array"),
    ("policy", {"retryOn": None}, "policy.retryOn", "array"),
    ("policy", {"retryOn": ["500", 404]}, "policy.retryOn[1]", 'a string such as "404"'),
    ("policy", {"retryOn": ["2xx"]}, "policy.retryOn[0]", "always a delivery; remove it"),
    ("policy", {"giveUpOn": ["204"]}, "policy.giveUpOn[0]", "always a delivery; remove it"),
    ("policy", {"giveUpOn": ["4XX"]}, "policy.giveUpOn[0]", 'a class such as "4xx"'),
    ("policy", {"giveUpOn": [str(400 + n) for n in range(51)]}, "policy.giveUpOn", "at most 50"),
    ("policy", {"retryOn": ["404"], "giveUpOn": ["404"]}, "policy.giveUpOn",
     "404 is also in retryOn; remove it from one of them"),
    ("policy", {"giveUpOn": [[]]}, "policy.giveUpOn[0]", "string"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "field", "said"), BAD_BODIES, ids=lambda value: str(value)[:40])
def test_a_bad_body_is_refused_with_400_and_the_field(
    body: str | bytes, field: str, said: str
) -> None:
    error = refusal(body)
    assert error.status == 400
    assert field in [each.field for each in error.errors]
    assert said in next(each.message for each in error.errors if each.field == field)


@pytest.mark.parametrize(
    ("name", "value", "field", "said"), BAD_FIELDS, ids=lambda value: str(value)[:40]
)
def test_a_bad_field_is_refused_with_400_and_its_path(
    name: str, value: Any, field: str, said: str
) -> None:
    error = refusal(body_of(**{name: value}))
    assert error.status == 400
    (found,) = error.errors
    assert found.field == field
    assert said in found.message


@pytest.mark.parametrize(
    ("targets", "field", "said"),
    [
        ([], "targets", "at least one"),
        ([f"http://a/{n}" for n in range(11)], "targets", "at most 10"),
        ("http://a/", "targets", "array"),
        (["http://a/", "b"], "targets[1]", "absolute"),
        (["http://a/", None], "targets[1]", "string"),
    ],
)
def test_bad_targets_are_refused(targets: Any, field: str, said: str) -> None:
    (found,) = refusal(body_of(targetUrl=None, targets=targets)).errors
    assert found.field == field
    assert said in found.message


@pytest.mark.parametrize(
    "name",
    [
        "targetUrl", "targets", "contentType", "messageId", "senderId", "correlationId",
        "timestamp", "deliverAt", "headers", "policy",
    ],
)  # fmt: skip
def test_null_is_no_value_for_any_field_but_the_payload(name: str) -> None:
    assert name in wrong_fields(f'{{"{name}": null, "payload": null}}')


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ("{}", "must be a JSON string"),
        ("5", "must be a JSON string"),
        ("null", "must be a JSON string"),
        (r'"\ud800"', "surrogate"),
        (r'"\uffff"', "U+FFFF"),
    ],
)
def test_a_payload_that_cannot_be_sent_as_text_is_refused(payload: str, said: str) -> None:
    (found,) = refusal(body_of(payload, contentType="text/plain")).errors
    assert found.field == "payload"
    assert said in found.message


def test_the_two_characters_that_the_queue_would_change_must_be_escaped() -> None:
    assert wrong_fields(body_of('"\uffff"')) == ["payload"]
    assert parse(body_of(r'"\uffff"')).request.payload == r'"\uffff"'


def test_all_errors_are_found_at_once() -> None:
    body = body_of(
        "5",
        targetUrl="ftp://a/",
        targets=["http://a/", "b"],
        contentType="text/plain",
        messageId="a.b",
        timestamp="2025",
        deliverAt="2100-01-01T00:00:00Z",
        headers={"Host": "a", "x": "\n"},
        policy={"maxAttempts": 0, "schedule": [1], "multiplier": 2},
        unknown=1,
    )
    assert set(wrong_fields(body)) == {
        "targetUrl", "targets", "targets[1]", "messageId", "timestamp", "deliverAt",
        "headers.Host", "headers.x", "policy.maxAttempts", "policy.multiplier", "unknown",
        "payload",
    }  # fmt: skip


def test_a_missing_payload_does_not_hide_other_errors() -> None:
    assert set(wrong_fields('{"messageId": "a.b"}')) == {"payload", "messageId", "targetUrl"}


@pytest.mark.parametrize(
    ("payload", "content_type"),
    [
        ('"' + "a" * (MAX_PAYLOAD_BYTES - 1) + '"', None),
        ('"' + "é" * (MAX_PAYLOAD_BYTES // 2) + '"', None),
        ('"' + "a" * (MAX_PAYLOAD_BYTES + 1) + '"', "text/plain"),
        ('"' + r"\u00e9" * (MAX_PAYLOAD_BYTES // 2 + 1) + '"', "text/plain"),
        ('"' + "a" * MAX_BODY_BYTES + '"', None),
    ],
    ids=["ascii", "two bytes each", "text", "escaped text", "beyond any request"],
)
def test_a_payload_of_more_than_6_mb_is_refused_with_413(
    payload: str, content_type: str | None
) -> None:
    error = refusal(body_of(payload, contentType=content_type))
    assert error.status == 413
    assert [each.field for each in error.errors] == ["payload"]


def test_a_payload_that_is_too_large_is_named_beside_other_errors() -> None:
    error = refusal(body_of('"' + "a" * MAX_PAYLOAD_BYTES + '"', messageId="a.b"))
    assert error.status == 413
    assert [each.field for each in error.errors] == ["messageId", "payload"]


def test_a_payload_of_exactly_6_mb_is_taken() -> None:
    payload = '"' + "a" * (MAX_PAYLOAD_BYTES - 2) + '"'
    assert parse(body_of(payload)).request.payload == payload
    text = "a" * MAX_PAYLOAD_BYTES
    assert parse(body_of(json.dumps(text), contentType="text/plain")).request.payload == text


@pytest.mark.parametrize(("size", "is_claimed"), [(MAX_INLINE_BYTES, False), (204_801, True)])
def test_a_payload_of_more_than_200_kib_is_claimed_instead_of_carried(
    size: int, is_claimed: bool
) -> None:
    message = parse(body_of('"' + "a" * (size - 2) + '"'))
    (delivery,) = message.deliveries()
    assert (message.claim is not None) == is_claimed
    assert delivery.request.claim == message.claim
    assert (delivery.request.payload == "") == is_claimed
    assert len(message.request.payload) == size


@pytest.mark.parametrize(
    ("limits", "kept"),
    [({}, "45-days"), ({"attempts_at_once": 3}, "400-days"), ({"rate_per_second": 1}, "400-days")],
)
def test_a_payload_outlasts_every_postponement_by_an_endpoint_that_may_be_full(
    limits: dict[str, int], kept: str
) -> None:
    said = NOON.isoformat()
    endpoint = Endpoint("default", "crm", URL, said, said, **limits)
    message = parse(
        body_of(json.dumps("a" * MAX_INLINE_BYTES), targetUrl=None, endpointId="crm"),
        find_endpoints=lambda _sender, _ids: {"crm": endpoint},
    )
    assert message.claim is not None
    assert message.claim.key.startswith(f"{kept}/")


@pytest.mark.parametrize("quotes", [0, 10_000, 20_000, 27_000, 28_000, 29_000, 60_000])
def test_whatever_is_accepted_fits_into_an_execution(quotes: int) -> None:
    payload = '"' + r"\"" * quotes + "a" * (MAX_INLINE_BYTES - 2 - 2 * quotes) + '"'
    size = MAX_INLINE_BYTES + 2 + 2 * quotes  # each quote and each backslash is escaped once
    (delivery,) = parse(body_of(payload)).deliveries()
    assert len(document_text(delivery.to_document()).encode()) <= MAX_DOCUMENT_BYTES
    assert (delivery.request.claim is None) == (size < MAX_DOCUMENT_BYTES - 1000)


def test_the_document_on_the_queue_is_the_delivery_document() -> None:
    (delivery,) = parse(body_of('"é \\" \\ud83d\\ude00"')).deliveries()
    assert json.loads(document_text(delivery.to_document())) == delivery.to_document()


def test_a_fingerprint_is_of_the_targets_the_content_type_and_the_payload() -> None:
    urls = ["http://a.example/", "http://b.example/"]

    def fingerprint(payload: str = "[1]", **fields: Any) -> str:
        given = {"targetUrl": None, "targets": urls} | fields
        return parse(body_of(payload, **given)).idempotency.fingerprint

    first = fingerprint()
    assert fingerprint(targets=urls[::-1]) == first
    assert fingerprint(targets=[*urls, urls[0]]) == first
    assert fingerprint(contentType="application/json") == first
    assert fingerprint(headers={"x": "1"}, timestamp="2020-01-01T00:00:00Z", messageId="x") == first
    assert fingerprint(correlationId="x", policy={"maxAttempts": 1}) == first
    assert fingerprint("[1 ]") != first
    assert fingerprint(contentType="application/a+json") != first
    assert fingerprint(targets=urls[:1]) != first


def test_a_preset_is_a_schedule_by_name() -> None:
    policy = parse(body_of(policy={"preset": "standard-webhooks"})).policy
    assert policy.schedule == PRESETS["standard-webhooks"].schedule
    assert policy.max_attempts == 10


def test_the_statuses_of_a_policy_travel_with_the_delivery() -> None:
    policy = {"retryOn": ["404", "3xx"], "giveUpOn": ["503"]}
    (delivery,) = parse(body_of(policy=policy)).deliveries()
    assert delivery.to_document()["policy"].items() >= policy.items()


def test_whole_numbers_stay_whole_in_the_document() -> None:
    policy = {"baseDelaySeconds": 2, "maxDelaySeconds": 60.0, "multiplier": 1.5, "jitter": "none"}
    (delivery,) = parse(body_of(policy=policy)).deliveries()
    document = json.loads(document_text(delivery.to_document()))["policy"]
    assert json.dumps(document["baseDelaySeconds"]) == "2"
    assert json.dumps(document["maxDelaySeconds"]) == "60"
    assert document["multiplier"] == 1.5
    assert document["jitter"] == Jitter.NONE


def test_a_message_scheduled_far_ahead_shortens_the_longest_retry_after() -> None:
    message = parse(body_of(deliverAt="2026-12-28T00:00:00Z"))
    assert 0 < message.policy.retry_after_ceiling_seconds < 86_400
    assert parse(body_of()).policy.retry_after_ceiling_seconds == 86_400
