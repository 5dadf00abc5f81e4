"""The request body that the client makes from the fields of a message."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.api.delivery_request import FilterRequest
from homing.client import RawJson
from homing.client.fields import _NAMES, camel_case, message_body, with_message_id
from homing.client.many import FilterFields
from homing.reception.request_model import MessageRequest

TARGET = "https://example.com/hooks"


def test_every_field_has_the_name_that_the_api_has_for_it() -> None:
    noon = datetime(2025, 12, 28, 12, tzinfo=UTC)
    fields: dict[str, Any] = {
        "targets": (TARGET,),
        "endpoint_ids": iter(["orders"]),
        "message_id": "m-1",
        "sender_id": "shop",
        "correlation_id": "c",
        "content_type": "text/plain",
        "timestamp": noon,
        "deliver_at": "2025-12-28T18:00:00Z",
        "headers": {"X-Tenant": "acme"},
        "policy": {"maxAttempts": 5},
        "payload": "hello",
    }
    assert json.loads(message_body(fields)) == {
        "targets": [TARGET],
        "endpointIds": ["orders"],
        "messageId": "m-1",
        "senderId": "shop",
        "correlationId": "c",
        "contentType": "text/plain",
        "timestamp": "2025-12-28T12:00:00+00:00",
        "deliverAt": "2025-12-28T18:00:00Z",
        "headers": {"X-Tenant": "acme"},
        "policy": {"maxAttempts": 5},
        "payload": "hello",
    }


def test_the_client_has_the_fields_that_the_api_has() -> None:
    known = {str(field.alias) for field in MessageRequest.model_fields.values()}
    assert set(_NAMES.values()) == known


def test_every_field_of_a_filter_is_one_of_the_api_and_none_is_missing() -> None:
    known = {str(field.alias) for field in FilterRequest.model_fields.values()}
    assert {camel_case(name) for name in FilterFields.__annotations__} == known


@pytest.mark.parametrize(
    "text", ['{"total": 1.10}', "12345678901234567890123", " [ 1 ] ", '"\\u00e9"']
)
def test_a_raw_payload_is_sent_as_it_was_written(text: str) -> None:
    body = message_body({"target_url": TARGET, "payload": RawJson(text)}).decode()
    assert f'"payload": {text}}}' in body
    assert json.loads(body)["payload"] == json.loads(text)


@pytest.mark.parametrize("text", ["", "nonsense", '1, "senderId": "other"', "NaN", "[" * 99_999])
def test_a_raw_payload_that_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"JSON|Expecting|Extra data|nested too deeply"):
        RawJson(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text().filter(lambda name: name != "messageId"), JSON), st.booleans())
def test_a_raw_body_without_an_id_gets_one_and_keeps_its_other_bytes(
    document: dict[str, Any], indented: bool
) -> None:
    text = json.dumps(document, indent=2 if indented else None, ensure_ascii=False)
    try:
        body = f" {text}\n".encode()
    except UnicodeEncodeError:  # half a surrogate pair is not valid text
        return
    named, message_id = with_message_id(body, "msg_1")
    assert json.loads(named) == {"messageId": "msg_1", **document}
    assert message_id == "msg_1"
    assert named.endswith(body.lstrip()[1:])


@pytest.mark.parametrize(
    ("body", "message_id"),
    [
        (b'{"messageId": "m-1", "payload": 1.10}', "m-1"),
        (b'{"messageId": null}', None),
        (b"[]", None),
        (b"nonsense", None),
        (b'{"a": "\xff"}', None),
        ("{}".encode("utf-16"), None),
        (b'{"payload": ' + b"[" * 99_999 + b"}", None),
        (b'{"messageId": "m-1", "payload": ' + b"9" * 5000 + b"}", "m-1"),
    ],
)
def test_a_raw_body_that_names_itself_or_is_no_object_keeps_its_bytes(
    body: bytes, message_id: str | None
) -> None:
    assert with_message_id(body, "msg_1") == (body, message_id)
