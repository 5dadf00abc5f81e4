"""The two tables: keys, protection, expiry, and the index of deliveries that need attention."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

TABLE = "AWS::DynamoDB::Table"
DELIVERIES, MESSAGES = "Ledger/Deliveries", "Ledger/Messages"


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        (DELIVERIES, [("pk", "HASH"), ("sk", "RANGE")]),
        (MESSAGES, [("pk", "HASH")]),
    ],
)
def test_each_table_has_the_keys_that_the_handlers_write(
    stack: Any, path: str, keys: list[tuple[str, str]]
) -> None:
    schema = stack.properties(TABLE, path)["KeySchema"]
    assert [(key["AttributeName"], key["KeyType"]) for key in schema] == keys


@pytest.mark.parametrize("path", [DELIVERIES, MESSAGES])
def test_each_table_is_billed_by_request_restorable_and_expires_items_by_ttl(
    stack: Any, path: str
) -> None:
    table = stack.properties(TABLE, path)
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}


@pytest.mark.parametrize("path", [DELIVERIES, MESSAGES])
def test_data_outlives_the_stack_unless_deletion_protection_is_off(
    synthesize: Callable[..., Any], path: str
) -> None:
    kept = synthesize().resources(TABLE)[path]
    assert kept["DeletionPolicy"] == "RetainExceptOnCreate"
    assert kept["UpdateReplacePolicy"] == "Retain"
    dropped = synthesize(deletionProtection="false").resources(TABLE)[path]
    assert dropped["DeletionPolicy"] == "Delete"


def test_both_indexes_are_sparse_and_leave_the_history_out(stack: Any) -> None:
    """They are sparse because only items with the attributes of an index's key are in it."""
    table = stack.properties(TABLE, DELIVERIES)
    found = {index["IndexName"]: index for index in table["GlobalSecondaryIndexes"]}
    assert found.keys() == {"attention", "senderAttention"}
    for name, index in found.items():
        keys = [(key["AttributeName"], key["KeyType"]) for key in index["KeySchema"]]
        assert keys == [(name, "HASH"), ("attentionAt", "RANGE")]
        assert index["Projection"]["ProjectionType"] == "INCLUDE"
        assert not {"retryHistory", "deadLetter"} & {*index["Projection"]["NonKeyAttributes"]}


def test_the_messages_table_has_no_index(stack: Any) -> None:
    assert "GlobalSecondaryIndexes" not in stack.properties(TABLE, MESSAGES)
