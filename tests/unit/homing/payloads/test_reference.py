"""Payload references (claim check): large payloads are in S3."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from homing.delivery import Delivery, Request
from homing.errors import AcceptanceError, DependencyError
from homing.payloads.reference import PayloadReference, reference_for
from homing.payloads.store import PayloadStore

BODY = '{"é": 1}'.encode()


@pytest.fixture
def bucket(aws: None) -> Any:
    client = boto3.client("s3")
    client.create_bucket(Bucket="payloads")
    return client


@pytest.mark.parametrize(
    ("days", "prefix"),
    [(0, "45-days"), (2, "45-days"), (30, "45-days"), (31, "400-days"), (365, "400-days")],
)
def test_a_payload_is_kept_for_as_long_as_its_delivery_can_live_and_wait_as_a_dead_letter(
    days: int, prefix: str
) -> None:
    claim = reference_for("m#shop", BODY, timedelta(days=days))
    assert claim.key.startswith(f"{prefix}/")
    assert claim.size == len(BODY)


def test_the_same_message_has_the_same_claim_and_another_another() -> None:
    life = timedelta(days=1)
    first = reference_for("m#shop", BODY, life)
    assert reference_for("m#shop", BODY, life) == first
    others = {reference_for("n#shop", BODY, life), reference_for("m#shop", b"else", life)}
    assert len({each.key for each in others} | {first.key}) == 3


def test_a_claim_travels_in_the_place_of_the_payload(delivery: Delivery) -> None:
    claim = reference_for("m#shop", BODY, timedelta())
    claimed = replace(delivery, request=replace(delivery.request, payload="", claim=claim))
    document = claimed.to_document()
    assert document["request"].keys() == {"claim", "contentType", "headers"}
    assert Delivery.from_document(document) == claimed
    assert Request.from_document(delivery.request.to_document()) == delivery.request


def test_what_is_kept_comes_back_to_the_character(bucket: Any) -> None:
    claim = reference_for("m#shop", BODY, timedelta())
    store = PayloadStore("payloads")
    store.keep(claim, BODY)
    store.keep(claim, BODY)
    assert store.fetch(claim) == BODY.decode()


def test_what_is_not_what_was_taken_in_is_not_sent(bucket: Any) -> None:
    claim = reference_for("m#shop", BODY, timedelta())
    bucket.put_object(Bucket="payloads", Key=claim.key, Body=b"something else")
    with pytest.raises(DependencyError, match="not that of the accepted payload"):
        PayloadStore("payloads").fetch(claim)


def test_a_renewed_payload_counts_as_written_anew_and_is_the_same(bucket: Any) -> None:
    """The lifecycle of S3 counts days from the last write."""
    claim = reference_for("m#shop", BODY, timedelta())
    store = PayloadStore("payloads")
    store.keep(claim, BODY)
    written = bucket.head_object(Bucket="payloads", Key=claim.key)["LastModified"]
    time.sleep(1.1)  # S3 returns it in whole seconds
    assert store.renew(claim)
    assert bucket.head_object(Bucket="payloads", Key=claim.key)["LastModified"] > written
    assert store.fetch(claim) == BODY.decode()


def test_an_expired_payload_is_not_confused_with_a_failing_bucket(bucket: Any) -> None:
    claim = reference_for("m#shop", BODY, timedelta())
    assert not PayloadStore("payloads").renew(claim)
    with pytest.raises(ClientError, match="NoSuchBucket"):
        PayloadStore("no-such-bucket").renew(claim)


def test_a_payload_that_cannot_be_stored_or_read_raises_an_error_that_says_which(
    bucket: Any,
) -> None:
    claim = PayloadReference("45-days/x/y", 1, hashlib.sha256(b"x").hexdigest())
    with pytest.raises(AcceptanceError, match="NoSuchBucket"):
        PayloadStore("no-such-bucket").keep(claim, b"x")
    with pytest.raises(DependencyError, match="NoSuchKey"):
        PayloadStore("payloads").fetch(claim)
