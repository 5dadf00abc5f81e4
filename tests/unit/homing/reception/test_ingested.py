"""Which messages the ingest queue accepts, and the request body that each becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homing.errors import InvalidMessageError
from homing.operational_events.event import OWN_EVENT_TYPES
from homing.reception.ingested import Ingested, read_ingested
from homing.reception.raw_json import MAX_DEPTH, split_members

QUEUED = "0b0e8f3a-5a3c-4b9d-9d63-3f2e5d6f7a10"
EVENT_ID = "7bf73129-1428-4cd3-a780-95db273d1602"
NOTIFIED = "dc1e94d9-56c5-5e96-808d-cc7f68faa162"
AT = "2026-11-28T12:00:00Z"
POSTED = '{"endpointId": "shop", "payload": {"n": 1.10}, "messageId": "order-1"}'

# JSON as other programs write it: spaces, escapes, digits that a parser would change.
digits = st.from_regex(
    r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?", fullmatch=True
)
strings = st.text(max_size=12).map(json.dumps) | st.sampled_from(
    [r'"\u00e9\/"', '"é😀"', '"\\u0022"']
)
spaces = st.text(alphabet=" \t\r\n", max_size=2)


@st.composite
def arrays(draw: Any, inner: Any) -> str:
    parts = draw(st.lists(inner, max_size=3))
    space = draw(spaces)
    return f"[{space}{f'{space},'.join(parts)}{space}]"


@st.composite
def objects(draw: Any, inner: Any) -> str:
    names = draw(st.lists(st.text(max_size=5), max_size=3))  # a payload may contain a duplicate key
    space = draw(spaces)
    members = [f"{json.dumps(name)}{space}:{space}{draw(inner)}" for name in names]
    return f"{{{space}{f',{space}'.join(members)}{space}}}"


documents = st.recursive(
    digits | strings | st.sampled_from(["null", "true", "false"]),
    lambda inner: arrays(inner) | objects(inner),
    max_leaves=8,
)


def read(
    body: str, sender: str = "", attributes: dict[str, str] | None = None, queued: str = QUEUED
) -> Ingested:
    return read_ingested(body, attributes or {}, queued, sender)


def fields(ingested: Ingested) -> dict[str, Any]:
    """Return the parsed fields of the request without the payload."""
    members = split_members(ingested.body)
    return {name: json.loads(text) for name, text in members.items() if name != "payload"}


def payload(ingested: Ingested) -> str:
    return split_members(ingested.body)["payload"]


def event(detail: str, **given: Any) -> str:
    """An event as EventBridge puts it on a queue (Amazon EventBridge, "Event structure")."""
    members = {
        "version": "0",
        "id": EVENT_ID,
        "detail-type": "order.paid",
        "source": "shop",
        "account": "123456789012",
        "time": AT,
        "region": "us-east-1",
        "resources": [],
    }
    rest = {name: value for name, value in (members | given).items() if value is not None}
    return f'{json.dumps(rest)[:-1]}, "detail": {detail}}}'


def notification(message: str, **attributes: str) -> str:
    """A notification as SNS puts it on a queue (Amazon SNS, "Amazon SNS message formats")."""
    given = {name: {"Type": "String", "Value": value} for name, value in attributes.items()}
    return json.dumps(
        {
            "Type": "Notification",
            "MessageId": NOTIFIED,
            "TopicArn": "arn:aws:sns:us-east-1:123456789012:orders",
            "Message": message,
            "Timestamp": "2026-11-28T12:00:00.123Z",
            "SignatureVersion": "1",
            "Signature": "EXAMPLE",
            "SigningCertURL": "https://sns.us-east-1.amazonaws.com/x.pem",
            "UnsubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
            **({"MessageAttributes": given} if given else {}),
        }
    )


def refused(body: str, sender: str = "", attributes: dict[str, str] | None = None) -> str:
    with pytest.raises(InvalidMessageError) as caught:
        read(body, sender, attributes)
    (error,) = caught.value.errors
    return f"{error.field} {error.message}"


def test_the_body_of_a_request_is_taken_as_it_is() -> None:
    assert read(POSTED) == Ingested(POSTED, None, f"sqs-{QUEUED}")


def test_an_event_is_a_message_of_its_type_id_and_time() -> None:
    found = read(event('{"total": 1.10}'))
    assert payload(found) == '{"total": 1.10}'
    assert fields(found) == {"messageId": EVENT_ID, "eventType": "order.paid", "timestamp": AT}


def test_an_event_of_homing_itself_gets_a_type_that_makes_no_further_events() -> None:
    found = read(event("{}", source="homing", **{"detail-type": "Delivery Failed"}))
    assert fields(found)["eventType"] == "homing.Delivery Failed"
    assert fields(found)["eventType"].startswith(OWN_EVENT_TYPES)


def test_with_the_attribute_event_type_the_whole_body_is_the_payload() -> None:
    attributes = {"eventType": "order.paid", "correlationId": "c-7", "senderId": "shop"}
    found = read(' [1.10, "a"]\n', attributes=attributes)
    assert payload(found) == '[1.10, "a"]'
    assert fields(found) == attributes


@pytest.mark.parametrize("body", [POSTED, event('{"n": 1.10}')])
def test_a_notification_is_what_was_published(body: str) -> None:
    assert read(notification(body)).body == read(body).body


def test_a_notification_with_the_attribute_has_its_payload_and_its_time() -> None:
    found = read(notification('{"n": 1.10}', eventType="order.paid", colour="red"))
    assert payload(found) == '{"n": 1.10}'
    assert fields(found) == {"eventType": "order.paid", "timestamp": "2026-11-28T12:00:00.123Z"}


# A generous limit, since the machine is shared.
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(documents, spaces)
def test_any_payload_is_kept_to_the_character_whatever_it_comes_in(text: str, space: str) -> None:
    attributes = {"eventType": "a"}
    ways = (
        read(f'{{"payload":{space}{text}{space}}}'),
        read(event(f"{space}{text}{space}")),
        read(f"{space}{text}{space}", attributes=attributes),
        read(notification(event(text))),
        read(notification(f"{text}{space}", eventType="a")),
    )
    assert {payload(way) for way in ways} == {text}


@pytest.mark.parametrize(
    ("body", "attributes", "default"),
    [
        (POSTED, {}, f"sqs-{QUEUED}"),
        (event("1", id=None), {}, f"sqs-{QUEUED}"),
        (event("1", id=None), {"messageId": "order-7"}, "order-7"),
        (notification(POSTED), {}, f"sns-{NOTIFIED}"),
        (notification(POSTED), {"messageId": "order-7"}, f"sns-{NOTIFIED}"),
        (notification("1", eventType="a", messageId="order-9"), {}, "order-9"),
    ],
)
def test_the_id_of_a_message_without_one_follows_from_the_queue_message(
    body: str, attributes: dict[str, str], default: str
) -> None:
    """So it stays the same if the message is redelivered, or if SNS sends it twice."""
    assert read(body, attributes=attributes).default_id == default


@pytest.mark.parametrize(
    ("sender", "detail", "only_sender"),
    [
        ("", '{"tenant": "a"}', None),
        ("shop", '{"tenant": "a"}', "shop"),
        ("$.source", "{}", "shop"),
        ("$.detail.tenant", '{"tenant": "customer-42"}', "customer-42"),
        ("$.detail.tenant", '{"tenant": 42}', "42"),
        ("$.detail.tenant.id", '{"other": 1, "tenant" : { "id":\t"a" }}', "a"),
        ("$.detail.tenant", '{"t\\u0065nant": "\\u0061"}', "a"),
        (
            "$.detail.tenant",
            f'{{{"".join(f""""{n}": 1,""" for n in range(99))} "tenant": "a"}}',
            "a",
        ),
    ],
)
def test_the_sender_is_the_queues_or_stands_in_the_event(
    sender: str, detail: str, only_sender: str | None
) -> None:
    assert read(event(detail), sender).only_sender == only_sender
    assert read(notification(event(detail)), sender).only_sender == only_sender


def test_a_path_leads_into_a_payload_and_into_a_request() -> None:
    assert read('{"tenant": "a"}', "$.tenant", {"eventType": "x"}).only_sender == "a"
    assert read('{"payload": {"tenant": "a"}}', "$.payload.tenant").only_sender == "a"


MISSING = "senderId is expected at $.detail.tenant, but there is no text or number"


@pytest.mark.parametrize(
    ("detail", "message"),
    [
        ("{}", MISSING),
        ('"tenant"', MISSING),
        ('{"tenant": null}', MISSING),
        ('{"tenant": true}', MISSING),
        ('{"tenant": 4.2}', MISSING),
        ('{"tenant": ["a"]}', MISSING),
        ('{"tenant": {"id": "a"}}', MISSING),
        (f'{{"tenant": {"9" * 30}}}', MISSING),
        ('{"tenant": "a", "tenant": "b"}', "tenant is given twice"),
        ('{"tenant": "a#b"}', "senderId at $.detail.tenant must have 1 to 128 characters: "),
        ('{"tenant": ""}', "senderId at $.detail.tenant must have 1 to 128 characters: "),
    ],
)
def test_an_event_without_a_sender_at_the_path_is_refused(detail: str, message: str) -> None:
    assert refused(event(detail), "$.detail.tenant").startswith(message)


@pytest.mark.parametrize(
    ("body", "attributes", "message"),
    [
        ("hello", {}, "body must be a JSON object"),
        ('{"payload": 1', {}, "body is not JSON: "),
        ("", {"eventType": "a"}, "body is not JSON: "),
        ("hello", {"eventType": "a"}, "body is not JSON: "),
        ('1, "senderId": "b"', {"eventType": "a"}, "body is not JSON: Extra data"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), {"eventType": "a"}, "body is nested more"),
        (POSTED, {"messageId": "a.b"}, "messageId must have 1 to 128 characters: "),
        (notification("hello"), {}, "body must be a JSON object"),
        (
            json.dumps({"TopicArn": "a", "MessageId": "b", "Message": 1}),
            {},
            "Message must be a str",
        ),
        (json.dumps({"TopicArn": "a", "MessageId": 7, "Message": "b"}), {}, "MessageId must be a "),
        (
            json.dumps(
                {"TopicArn": "a", "MessageId": "b", "Message": "{}", "MessageAttributes": 1}
            ),
            {},
            "MessageAttributes must be an object",
        ),
    ],
)
def test_what_is_none_of_these_is_refused_with_the_place(
    body: str, attributes: dict[str, str], message: str
) -> None:
    assert refused(body, "", attributes).startswith(message)


def test_a_payload_cannot_add_fields_to_the_request_around_it() -> None:
    found = read(event('{"senderId": "b"}'), "shop")
    assert fields(found).keys() == {"messageId", "eventType", "timestamp"}
    assert found.only_sender == "shop"
