"""Items keep their values, and a repeated put is recognized as the caller's own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.credentials.confidential import Confidential, sender_holder
from homing.credentials.secret_rotation import SigningSecret
from homing.credentials.secrets_table import SecretsTable
from homing.credentials.signing import generate_secret
from homing.items import from_dynamodb, to_dynamodb
from homing.reception.idempotency import IdempotencyRecord
from homing.reception.messages_table import MessagesTable
from homing.senders.api_key import issue
from homing.senders.keys_table import KeysTable

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = datetime(2025, 12, 28, 12, tzinfo=UTC)
TEXT = "2025-12-28T12:00:00.000Z"
GUARD = IdempotencyRecord(
    "order-1841", "shop", TEXT, "trace-7", TEXT, ("https://a.example/",), None, "f", 1 << 40
)
HOLDER = sender_holder("shop")


class Repeating:
    """A client that makes every put twice, as if the response to the first were lost."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def put_item(self, **put: Any) -> Any:
        self._client.put_item(**put)
        return self._client.put_item(**put)


@pytest.fixture
def repeating(messages_table: Any, registry: Any) -> Iterator[Any]:
    return Repeating(registry)


def confidential(version: int = 1) -> Confidential:
    return Confidential((SigningSecret(generate_secret(), NOON),), version=version)


def test_a_message_whose_put_was_retried_is_claimed_once(repeating: Any) -> None:
    table = MessagesTable("messages", repeating)
    assert table.claim(GUARD, NOON) is None
    assert table.find(GUARD.key, NOON) == GUARD


def test_an_equal_message_of_the_same_millisecond_is_another(repeating: Any) -> None:
    table = MessagesTable("messages", repeating)
    assert table.claim(GUARD, NOON) is None
    assert table.claim(GUARD, NOON) == GUARD


def test_a_key_whose_put_was_retried_exists(repeating: Any) -> None:
    key, _ = issue("shop", TEXT)
    table = KeysTable("keys", repeating)
    assert table.add(key)
    assert not table.add(replace(key, created_at="2026-01-01T00:00:00.000Z"))


@pytest.mark.parametrize("version", [1, 2])
def test_a_secret_whose_put_was_retried_is_kept(repeating: Any, version: int) -> None:
    table = SecretsTable("secrets", repeating)
    for each in range(1, version + 1):
        kept = confidential(each)
        assert table.put(HOLDER, kept)
    assert table.find(HOLDER) == kept
    assert not table.put(HOLDER, confidential(version))


WHOLE = st.integers(-(10**38) + 1, 10**38 - 1)  # DynamoDB has 38 digits
FRACTIONS = st.floats(-1e15, 1e15).filter(lambda number: number == 0 or abs(number) > 1e-15)
LEAVES = st.none() | st.booleans() | WHOLE | FRACTIONS | st.text() | st.binary()
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12
)


@given(VALUES)
def test_what_was_written_is_read_as_it_was(value: Any) -> None:
    found = from_dynamodb({"value": to_dynamodb(value)})["value"]
    assert found == value


@pytest.mark.parametrize(
    ("text", "number"), [("3", 3), ("3.0", 3), ("1E+3", 1000), ("-0.25", -0.25), ("0", 0)]
)
def test_whole_numbers_are_read_as_int_and_others_as_float(text: str, number: float) -> None:
    found = from_dynamodb({"n": {"N": text}})["n"]
    assert found == number
    assert type(found) is type(number)


@pytest.mark.parametrize("value", [float("nan"), object()])
def test_a_value_that_dynamodb_does_not_have_is_not_written(value: object) -> None:
    with pytest.raises(TypeError):
        to_dynamodb({"deep": [value]})
