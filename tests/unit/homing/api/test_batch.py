"""The request and the response of a batch."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.api.answer import Answer
from homing.api.batch import MAX_MESSAGES, MAX_RESULTS_BYTES, batched, split_batch
from homing.errors import InvalidMessageError
from homing.reception.message import MAX_BODY_BYTES
from homing.reception.raw_json import MAX_VALUES

TEXTS = st.text('ab"\\{}[],: \n\u00e9', max_size=6)
VALUES = st.recursive(
    st.sampled_from([None, True, 1.5, -7]) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def batch(*messages: str) -> str:
    return f'{{"messages": [{",".join(messages)}]}}'


@given(
    messages=st.lists(VALUES.map(json.dumps), min_size=1, max_size=4),
    space=st.text(" \t\r\n", max_size=3),
)
def test_each_message_of_a_batch_keeps_its_text(messages: list[str], space: str) -> None:
    array = f"{space},{space}".join(messages)
    body = f'{space}{{{space}"messages"{space}:{space}[{space}{array}{space}]{space}}}{space}'
    assert split_batch(body) == messages
    assert split_batch(body.encode()) == messages


@pytest.mark.parametrize(
    "broken",
    [
        '{"payload": NaN}',
        '{"payload": tru}',
        "{]",
        "{[}}",
        '{"payload" 1}',
        "[" * 2_000 + "]" * 2_000,
    ],
)
def test_a_message_that_is_not_json_spoils_no_other(broken: str) -> None:
    assert split_batch(batch("{}", broken, '{"a": 1}')) == ["{}", broken, '{"a": 1}']


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("", "body"),
        ("[]", "body"),
        ("{}", "body"),
        ('{"messages": 1}', "body"),
        ('{"messages": {}}', "body"),
        ('{"message": [{}]}', "body"),
        ('{"messages": [{}], "more": 1}', "body"),
        ('{"messages": [{}]} {}', "body"),
        ('{"messages": [{}]', "body"),
        ('{"messages": [{}', "body"),
        ('{"messages": ["', "body"),
        ('{"messages": [{}}]}', "body"),
        ('{"messages": [{"a": ["}]}', "body"),
        (b'{"messages": [\xff]}', "body"),
        (batch("[" + "1," * MAX_VALUES + "1]"), "body"),
        (batch(), "messages"),
        (batch("{}", ""), "messages"),
        (batch("", "{}"), "messages"),
        (batch(*["{}"] * (MAX_MESSAGES + 1)), "messages"),
    ],
)
def test_what_is_no_batch_is_refused_as_a_whole(body: str | bytes, field: str) -> None:
    with pytest.raises(InvalidMessageError) as caught:
        split_batch(body)
    assert ([each.field for each in caught.value.errors], caught.value.status) == ([field], 400)


def test_a_request_beyond_the_limit_is_413() -> None:
    with pytest.raises(InvalidMessageError) as caught:
        split_batch(batch('"' + "a" * MAX_BODY_BYTES + '"'))
    assert caught.value.status == 413


def test_quotes_without_an_end_take_no_quadratic_time() -> None:
    with pytest.raises(InvalidMessageError):
        split_batch('{"messages": ["' + '\\"' * 2_000_000)


def accepted(number: int, deliveries: int) -> Answer:
    urls = [{"targetUrl": '"' * 999}] * deliveries
    ids = {"messageId": f"m-{number}", "senderId": "shop"}
    return Answer(202, {**ids, "deliveries": urls})


def results(answer: Answer) -> list[dict[str, Any]]:
    assert answer.status == 200
    found: list[dict[str, Any]] = answer.document["results"]
    return found


def test_a_batch_is_answered_with_the_answer_to_each_message_by_its_index() -> None:
    problem = Answer(400, {"title": "no"})
    ok = accepted(1, 1)
    assert results(batched([ok, problem])) == [
        {"status": 202, "message": ok.document},
        {"status": 400, "problem": {"title": "no"}},
    ]


def test_what_the_response_has_no_room_for_is_to_be_sent_again_with_its_id() -> None:
    """A quote that takes three bytes in a URL takes six in the text that a function returns."""
    answer = batched([accepted(number, 100) for number in range(MAX_MESSAGES)])
    statuses = [each["status"] for each in results(answer)]
    assert len(json.dumps(json.dumps(dict(answer.document)))) <= MAX_RESULTS_BYTES + 100_000
    assert statuses.count(202) * 100 * 999 * 4 > MAX_RESULTS_BYTES * 0.9
    assert statuses == sorted(statuses)
    for number, each in enumerate(results(answer)):
        if each["status"] == 503:
            assert each["problem"]["messageId"] == f"m-{number}"
            assert each["problem"]["senderId"] == "shop"


def test_a_long_result_takes_no_room_from_those_after_it() -> None:
    answer = batched([accepted(1, 1), accepted(2, 2_000), accepted(3, 1)])
    assert [each["status"] for each in results(answer)] == [202, 503, 202]
