"""The ingest queue: messages put on it arrive, or can be found and sent again."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from homing.items import from_dynamodb

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Homing

    from homing_cli.client.target import Target
    from homing_cli.receiver.server import Receiver

EVENTS = 1000


def until(is_so: Callable[[], bool], seconds: float = 60, every: float = 0.2) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it has not come to that in time"
        time.sleep(every)


@pytest.fixture
def put(cloud: Target) -> Callable[..., None]:
    """Put a message on the ingest queue, with these message attributes."""
    sqs, url = cloud.client("sqs"), cloud.outputs["IngestQueueUrl"]

    def send(body: str, **attributes: str) -> None:
        given = {k: {"DataType": "String", "StringValue": v} for k, v in attributes.items()}
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=given)

    return send


@pytest.fixture
def queue_arn(cloud: Target) -> str:
    asked = {"QueueUrl": cloud.outputs["IngestQueueUrl"], "AttributeNames": ["QueueArn"]}
    found: str = cloud.client("sqs").get_queue_attributes(**asked)["Attributes"]["QueueArn"]
    return found


def bodies(receiver: Receiver) -> dict[str, bytes]:
    """Return the bodies that have arrived, by messageId; each must have arrived once."""
    came = {str(arrival.message_id): arrival.body for arrival in receiver.arrivals}
    assert len(came) == len(receiver.arrivals)
    return came


def recorded(cloud: Target, ids: set[str]) -> dict[str, dict[str, Any]]:
    """Return the ledger records of messages, by messageId; each message has one delivery."""
    pages = cloud.client("dynamodb").get_paginator("scan")
    found = pages.paginate(TableName=cloud.outputs["LedgerTable"], ConsistentRead=True)
    items = [from_dynamodb(item) for page in found for item in page["Items"]]
    ours = [item for item in items if item["messageId"] in ids]
    assert len({item["messageId"] for item in ours}) == len(ours)
    return {item["messageId"]: item for item in ours}


def delivered(cloud: Target, ids: set[str]) -> int:
    return sum(item["status"] == "DELIVERED" for item in recorded(cloud, ids).values())


def test_what_programs_and_topics_put_on_the_queue_arrives_to_the_digit(
    cloud: Target,
    receiver: Receiver,
    put: Callable[..., None],
    queue_arn: str,
    run_id: str,
) -> None:
    def payload(name: str) -> str:
        return f'{{"n": 1.10, "big": 12345678901234567890, "{name}": "\\u00e9"}}'

    def message(name: str) -> str:
        ids = f'"messageId": "{name}-{run_id}", "targetUrl": "{receiver.url}/{name}"'
        return f'{{{ids}, "payload": {payload(name)}}}'

    put(message("direct"))
    sns = cloud.client("sns")
    for name, raw in (("raw", "true"), ("envelope", "false")):
        topic = sns.create_topic(Name=f"{name}-{run_id}")["TopicArn"]
        attributes = {"RawMessageDelivery": raw}
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn, Attributes=attributes)
        sns.publish(TopicArn=topic, Message=message(name))
    ways = ("direct", "raw", "envelope")
    until(lambda: len(receiver.arrivals) == len(ways))
    assert bodies(receiver) == {f"{way}-{run_id}": payload(way).encode() for way in ways}


def test_a_thousand_events_put_on_a_bus_arrive_once_each(
    cloud: Target, homing: Homing, receiver: Receiver, queue_arn: str, run_id: str
) -> None:
    """A rule puts each event on the queue, and an endpoint subscribes to its type."""
    events, bus = cloud.client("events"), f"shop-{run_id}"
    events.create_event_bus(Name=bus)
    pattern = json.dumps({"source": [f"shop-{run_id}"]})
    events.put_rule(Name=bus, EventBusName=bus, EventPattern=pattern)
    target = {"Id": "homing", "Arn": queue_arn}
    events.put_targets(Rule=bus, EventBusName=bus, Targets=[target])
    subscribe = ("--url", f"{receiver.url}/events", "--event-type", f"{run_id}.*")
    subscribe = (*subscribe, "--policy", '{"maxAttempts": 8}')
    assert homing("endpoints", "set", f"events-{run_id}", *subscribe).exit_code == 0
    entries = [
        {
            "EventBusName": bus,
            "Source": f"shop-{run_id}",
            "DetailType": f"{run_id}.paid",
            "Detail": json.dumps({"order": number}),
        }
        for number in range(EVENTS)
    ]
    ids = set()
    for start in range(0, EVENTS, 10):
        answer = events.put_events(Entries=entries[start : start + 10])
        assert not answer["FailedEntryCount"]
        ids.update(entry["EventId"] for entry in answer["Entries"])
    until(lambda: len({arrival.message_id for arrival in receiver.arrivals}) == EVENTS, seconds=600)
    until(lambda: delivered(cloud, ids) == EVENTS, every=2)
    came = Counter(str(arrival.message_id) for arrival in receiver.arrivals)
    assert came.keys() == ids
    # On a busy machine an attempt may time out, and is then repeated although it arrived.
    attempts = {key: item["attempts"] for key, item in recorded(cloud, ids).items()}
    assert all(came[key] <= attempts[key] for key in ids)
    orders = {json.loads(arrival.body)["order"] for arrival in receiver.arrivals}
    assert orders == set(range(EVENTS))


def test_an_invalid_message_is_listed_with_its_reason_and_put_back_once_it_can_be_accepted(
    homing: Homing,
    read: Callable[..., Any],
    receiver: Receiver,
    put: Callable[..., None],
    run_id: str,
) -> None:
    body = json.dumps({"endpointId": f"hooks-{run_id}", "payload": {"n": 1}})

    def listed() -> list[dict[str, Any]]:
        return [each for each in read("undispatched", "list") if run_id in each["body"]]

    put(body, messageId=f"m-{run_id}")
    until(lambda: len(listed()) == 1)
    (found,) = listed()
    assert (found["messageId"], found["body"]) == (f"m-{run_id}", body)
    assert [error["field"] for error in found["problem"]["errors"]] == ["endpointId"]
    assert json.loads(homing("undispatched", "show", f"m-{run_id}").stdout) == [found]

    again = homing("undispatched", "redrive", f"m-{run_id}")
    assert again.stdout.splitlines()[-1] == "1 sent to the ingest queue again"
    until(lambda: len(listed()) == 1)  # it is still invalid
    assert listed() == [found]

    url = f"{receiver.url}/hooks"
    assert homing("endpoints", "set", f"hooks-{run_id}", "--url", url).exit_code == 0
    assert homing("undispatched", "redrive", f"m-{run_id}").exit_code == 0
    until(lambda: len(receiver.arrivals) == 1)
    assert bodies(receiver) == {f"m-{run_id}": b'{"n": 1}'}
    assert listed() == []


def test_what_can_never_be_valid_is_deleted_by_command(
    homing: Homing, read: Callable[..., Any], put: Callable[..., None], run_id: str
) -> None:
    put(f"not JSON {run_id}", messageId=f"m-{run_id}")
    until(lambda: f"m-{run_id}" in [each["messageId"] for each in read("undispatched", "list")])
    (gone,) = json.loads(homing("undispatched", "discard", f"m-{run_id}").stdout)
    assert gone["body"] == f"not JSON {run_id}"
    assert homing("undispatched", "show", f"m-{run_id}").exit_code == 1
    assert homing("undispatched", "discard", f"m-{run_id}").exit_code == 1


def test_a_message_that_sqs_has_set_aside_is_put_back_where_it_came_from(
    cloud: Target,
    homing: Homing,
    read: Callable[..., Any],
    receiver: Receiver,
    queue_arn: str,
    run_id: str,
) -> None:
    """SQS records the source queue. The messageId is the id of the first queue message."""
    sqs = cloud.client("sqs")
    asked = {"QueueUrl": cloud.outputs["UnacceptedQueueUrl"], "AttributeNames": ["QueueArn"]}
    unaccepted = sqs.get_queue_attributes(**asked)["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": unaccepted, "maxReceiveCount": 1})
    attributes = {"RedrivePolicy": policy, "VisibilityTimeout": "0"}
    theirs = sqs.create_queue(QueueName=f"theirs-{run_id}", Attributes=attributes)["QueueUrl"]
    body = json.dumps({"targetUrl": f"{receiver.url}/x", "payload": run_id})
    sent = sqs.send_message(QueueUrl=theirs, MessageBody=body)["MessageId"]

    def listed() -> list[dict[str, Any]]:
        sqs.receive_message(QueueUrl=theirs)
        return [each for each in read("undispatched", "list") if run_id in each["body"]]

    until(lambda: len(listed()) == 1)
    (found,) = listed()
    assert (found["messageId"], found["problem"]) == (f"sqs-{sent}", None)
    assert found["queue"] == f"theirs-{run_id}"
    sqs.set_queue_attributes(QueueUrl=theirs, Attributes={"VisibilityTimeout": "30"})
    assert homing("undispatched", "redrive", f"sqs-{sent}").exit_code == 0
    (back,) = sqs.receive_message(QueueUrl=theirs, MessageAttributeNames=["All"])["Messages"]
    assert back["Body"] == body
    assert back["MessageAttributes"]["messageId"]["StringValue"] == f"sqs-{sent}"
