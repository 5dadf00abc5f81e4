"""JSON whose exact text is kept."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homing.errors import InvalidMessageError
from homing.reception.raw_json import (
    MAX_DEPTH,
    MAX_FIELD_LENGTH,
    MAX_MEMBERS,
    MAX_VALUES,
    decode,
    from_base64,
    read_value,
    split_members,
)

texts = st.text(max_size=20)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
finite = scalars.filter(lambda value: value not in (float("inf"), float("-inf")))
documents = st.recursive(
    finite,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)
spaces = st.text(alphabet=" \t\r\n", max_size=3)
layouts = st.fixed_dictionaries(
    {
        "ensure_ascii": st.booleans(),
        "indent": st.sampled_from([None, 0, 2, "\t"]),
        "separators": st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t: ")]),
    }
)


def refused(text: str) -> tuple[str, str]:
    with pytest.raises(InvalidMessageError) as caught:
        split_members(text)
    (error,) = caught.value.errors
    return error.field, error.message


# A generous limit, since the machine is shared.
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(documents, layouts, spaces, texts, documents)
def test_any_json_text_in_an_object_is_recovered_to_the_character(
    document: Any, layout: dict[str, Any], space: str, before: str, other: Any
) -> None:
    # A request, which is UTF-8, cannot contain half a surrogate pair, except written as an escape.
    source = json.dumps(document, **layout).encode(errors="replace").decode()
    name, neighbour = json.dumps(f"a{before}"), json.dumps(other)
    body = f'{space}{{{space}{name}:{neighbour},"payload"{space}:{space}{source}{space}}}{space}'
    assert split_members(body) == {f"a{before}": neighbour, "payload": source}


@pytest.mark.parametrize(
    "source",
    [
        "12345678901234567890",
        "1.10",
        "1E400",
        "-0.0",
        "1" * 5000,
        r'"\u00e9\/\ud83d\ude00\uD800"',
        '"é😀"',
        '{"b":1,"a":2,"b":3}',
        "[ 1 ,\t2,\r\n 3 ]",
        '"{\\"a\\": [}"',
        "null",
        "[" * MAX_DEPTH + "]" * MAX_DEPTH,
        '"' + "[" * 2 * MAX_DEPTH + '"',
        "[" + ",".join(["[]"] * 2 * MAX_DEPTH) + "]",
    ],
)
def test_what_a_json_engine_would_change_stays_as_it_is(source: str) -> None:
    assert split_members(f'{{"payload":{source}}}') == {"payload": source}


def test_an_empty_object_has_no_members() -> None:
    assert split_members(" { } ") == {}


def test_an_escaped_member_name_is_the_name_that_it_spells() -> None:
    assert split_members(r'{"pay\u006coad": 1}') == {"payload": "1"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be a JSON object"),
        ("[]", "must be a JSON object"),
        ('"a"', "must be a JSON object"),
        ("{", "is not JSON: Expecting property name"),
        ("{a: 1}", "is not JSON: Expecting property name"),
        ("{1: 1}", "is not JSON: Expecting property name"),
        ('{"a"}', "is not JSON: Expecting ':'"),
        ('{"a" 1}', "is not JSON: Expecting ':'"),
        ('{"a": }', "is not JSON: Expecting value"),
        ('{"a": 01}', "is not JSON: Expecting ','"),
        ('{"a": 1', "is not JSON: Expecting ','"),
        ('{"a": 1 "b": 2}', "is not JSON: Expecting ','"),
        ('{"a": 1,}', "is not JSON: Illegal trailing comma"),
        ('{"a": [1,]}', "is not JSON: "),
        ("{\"a\": 'b'}", "is not JSON: Expecting value"),
        ('{"a": "b}', "is not JSON: Unterminated string"),
        ('{"a": "\n"}', "is not JSON: Invalid control character"),
        ('{"a": "\\x"}', r"is not JSON: Invalid \escape"),
        ('{"a": 1} x', "is not JSON: Extra data: line 1 column 10"),
        ('{"a": 1}{}', "is not JSON: Extra data"),
        ('{"a":\u00a01}', "is not JSON: Expecting value"),
    ],
)
def test_what_is_no_json_object_is_refused_with_the_place(text: str, message: str) -> None:
    field, said = refused(text)
    assert field == "body"
    assert said.startswith(message)


@pytest.mark.parametrize(
    "constant", ["NaN", "Infinity", "-Infinity", "[1, NaN]", '{"a": Infinity}']
)
def test_numbers_that_json_does_not_have_are_refused(constant: str) -> None:
    field, message = refused(f'{{"a": 1, "payload": {constant}}}')
    assert field == "payload"
    assert "is not JSON" in message


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 5_000, 200_000])
@pytest.mark.parametrize(("opened", "closed"), [("[", "]"), ('{"a":', "}")])
def test_nesting_beyond_the_limit_is_refused_however_deep(
    depth: int, opened: str, closed: str
) -> None:
    source = opened * depth + "1" + closed * depth
    expected = ("payload", f"is nested more than {MAX_DEPTH} levels deep")
    assert refused(f'{{"payload": {source}}}') == expected


@pytest.mark.parametrize(
    "payload",
    [
        f"[{','.join('1' for _ in range(MAX_VALUES + 1))}]",
        f"[{'[],' * MAX_VALUES}",  # not JSON at all
        "[" + '"\\"",' * MAX_VALUES + '""]',
    ],
)
def test_more_values_than_the_limit_are_refused_before_any_is_read(payload: str) -> None:
    said = refused(f'{{"payload": {payload}}}')
    assert said == ("body", f"has more than {MAX_VALUES} values")


@pytest.mark.parametrize("text", [",[{", '\\",', "\\\\,"])
def test_marks_in_a_string_are_no_values(text: str) -> None:
    source = f'"{text * MAX_VALUES}"'
    assert split_members(f'{{"payload": {source}}}') == {"payload": source}


def test_a_string_without_an_end_is_no_json_however_many_quotes_it_escapes() -> None:
    """The text is searched in one pass. A second pass for each quote would take hours."""
    field, message = refused('{"payload": "' + '\\",' * (MAX_VALUES + 1))
    assert (field, message[:29]) == ("body", "is not JSON: Unterminated str")


def test_a_request_has_a_bounded_number_of_members() -> None:
    members = [f'"m{number}": 0' for number in range(MAX_MEMBERS)]
    assert len(split_members(f"{{{','.join(members)}}}")) == MAX_MEMBERS
    members.append('"more": 0')
    said = refused(f"{{{','.join(members)}}}")
    assert said == ("body", f"has more than {MAX_MEMBERS} fields")


def test_a_field_that_is_read_has_a_bounded_length() -> None:
    with pytest.raises(InvalidMessageError) as caught:
        read_value("headers", f'"{"x" * MAX_FIELD_LENGTH}"')
    assert [error.field for error in caught.value.errors] == ["headers"]


def test_every_member_that_is_given_twice_is_named() -> None:
    with pytest.raises(InvalidMessageError) as caught:
        split_members(r'{"a": 1, "b": 2, "\u0061": 1, "b": 2, "c": 3}')
    assert [error.field for error in caught.value.errors] == ["a", "b"]


def test_a_name_given_twice_inside_a_member_that_is_read_is_refused() -> None:
    with pytest.raises(InvalidMessageError) as caught:
        read_value("policy", '{"jitter": "full", "jitter": "none"}')
    (error,) = caught.value.errors
    assert (error.field, error.message) == ("policy", "has a duplicate key: jitter")


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("3", 3),
        ("-3", -3),
        ("3.5", 3.5),
        ("9" * 5000, float("inf")),
        ('{"a": [true, null, "b"]}', {"a": [True, None, "b"]}),
    ],
)
def test_a_member_is_read_as_a_plain_value(source: str, value: Any) -> None:
    read = read_value("any", source)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("body", [b'{"a": "\xff"}', b"\xfe\xff", '{"a": "\ud800"}'])
def test_what_is_not_utf8_is_refused(body: str | bytes) -> None:
    with pytest.raises(InvalidMessageError) as caught:
        decode(body)
    assert [(error.field, error.message) for error in caught.value.errors] == [
        ("body", "is not UTF-8")
    ]


@pytest.mark.parametrize("body", ["\ufeff{}", b"\xef\xbb\xbf{}", "{}", b"{}"])
def test_a_byte_order_mark_is_passed_over(body: str | bytes) -> None:
    assert decode(body) == "{}"


def test_base64_is_decoded() -> None:
    assert from_base64("eyJhIjogMX0=") == b'{"a": 1}'


@pytest.mark.parametrize("body", ["eyJh*IjogMX0=", "eyJhIjogMX0", "é"])
def test_what_is_not_base64_is_refused(body: str) -> None:
    with pytest.raises(InvalidMessageError, match="body: is not valid base64"):
        from_base64(body)
