"""Reading many items of a table by key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homing.items import from_dynamodb

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

AT_ONCE = 100  # DynamoDB's limit
_TRIES = 5

Key = tuple[str, str]


def records(client: Any, table: str, keys: Sequence[Key]) -> dict[Key, dict[str, Any]]:
    """Return the ledger items of up to 100 keys `(pk, sk)`, as plain values.

    Keys that DynamoDB leaves unprocessed, when it throttles, are read again a few times.
    """
    found: dict[Key, dict[str, Any]] = {}
    asked: list[Mapping[str, Any]] = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in keys]
    for _ in range(_TRIES):
        if not asked:
            break
        answer = client.batch_get_item(RequestItems={table: {"Keys": asked}})
        items = map(from_dynamodb, answer["Responses"].get(table, []))
        found |= {(item["pk"], item["sk"]): item for item in items}
        asked = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
    return found
