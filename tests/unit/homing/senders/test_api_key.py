"""API keys: how they are made, stored as hashes, and presented."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from homing.senders.api_key import ApiKey, Presented, issue, read_authorization
from homing.senders.keys_table import KeysTable
from lambdas import authorize

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = "2025-12-28T12:00:00.000Z"


def presented(text: str) -> Presented:
    found = read_authorization(f"Bearer {text}")
    assert found is not None
    return found


def test_a_key_opens_with_its_own_secret_only() -> None:
    key, text = issue("shop", NOON)
    _, other = issue("shop", NOON)
    assert presented(text).key_id == key.key_id
    assert key.opens_with(presented(text).secret)
    assert not key.opens_with(presented(other).secret)
    assert not key.opens_with("")


def test_a_revoked_key_opens_nothing() -> None:
    key, text = issue("shop", NOON)
    assert not replace(key, revoked_at=NOON).opens_with(presented(text).secret)


def test_the_secret_has_256_bits_and_is_not_in_what_is_kept() -> None:
    key, text = issue("shop", NOON)
    secret = presented(text).secret
    assert len(secret) == 43  # base64 of 32 bytes, unpadded
    assert secret not in repr(key) + str(key.to_item())
    assert issue("shop", NOON)[1] != text


def test_a_key_survives_the_table() -> None:
    key, _ = issue("shop", NOON)
    for each in (key, replace(key, revoked_at=NOON)):
        assert ApiKey.from_item(each.to_item()) == each


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header.replace("Bearer ", ""),
        lambda header: header.replace("Bearer", "Basic"),
        lambda header: header.replace("hmg_", "hmx_"),
        lambda header: header + "=",
        lambda header: header[:-1],
        lambda header: header + " ",
        lambda header: header.replace("Bearer ", "Bearer\t"),
        lambda header: header.upper(),
        lambda header: f"{header}, {header}",
        lambda _: "",
    ],
)
def test_a_header_that_is_no_bearer_token_holds_no_key(change: Any) -> None:
    assert read_authorization(change(f"Bearer {issue('shop', NOON)[1]}")) is None


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", "bEaReR ", "Bearer   "])
def test_the_scheme_may_be_spelled_as_http_allows(scheme: str) -> None:
    text = issue("shop", NOON)[1]
    assert read_authorization(f"{scheme}{text}") == presented(text)


@pytest.fixture
def keys(registry: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[KeysTable]:
    monkeypatch.setenv("KEYS_TABLE", "keys")
    authorize._keys.cache_clear()
    yield KeysTable("keys", registry)
    authorize._keys.cache_clear()


def ask(header: str) -> dict[str, Any]:
    return authorize.handler({"identitySource": [header], "rawPath": "/v1/messages"}, None)


def test_the_authorizer_says_whose_key_it_is(keys: KeysTable) -> None:
    key, text = issue("shop", NOON)
    keys.add(key)
    assert ask(f"Bearer {text}") == {
        "isAuthorized": True,
        "context": {"senderId": "shop", "keyId": key.key_id},
    }


def test_the_authorizer_tells_no_wrong_key_from_another_and_logs_none(
    keys: KeysTable, logged: Any
) -> None:
    key, text = issue("shop", NOON)
    revoked, revoked_text = issue("shop", NOON)
    keys.add(key)
    keys.add(revoked)
    assert keys.revoke(revoked.key_id, NOON)
    wrong = [issue("shop", NOON)[1], revoked_text, text[:-1] + "!", "nonsense"]
    assert [ask(f"Bearer {each}") for each in wrong] == [{"isAuthorized": False}] * 4
    assert [line["message"] for line in logged()] == ["key.refused"] * 4
    assert not any(each in str(logged()) for each in wrong)


def test_a_key_id_in_use_cannot_be_given_to_another_sender(keys: KeysTable) -> None:
    key, _ = issue("shop", NOON)
    assert keys.add(key)
    assert not keys.add(replace(key, sender_id="thief"))
    assert keys.find(key.key_id) == key


def test_the_time_of_the_first_revocation_stays(keys: KeysTable) -> None:
    key, _ = issue("shop", NOON)
    keys.add(key)
    for at in (NOON, "2026-01-01T00:00:00.000Z"):
        assert keys.revoke(key.key_id, at)
    (found,) = keys.all()
    assert found.revoked_at == NOON
    assert not keys.revoke("0" * 16, NOON)
