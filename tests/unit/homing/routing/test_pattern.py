"""Event patterns are those that AWS documents for EventBridge rules.

The rows of `DOCUMENTED` are made from "Comparison operators for use in event patterns", "Creating
event patterns", "Arrays", "Null values and empty strings" and "$or" in the EventBridge user guide.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ministack.services import eventbridge

from homing.routing.operators import PatternError, read_json
from homing.routing.pattern import MAX_COMBINATIONS, MAX_DEPTH, MAX_LENGTH, compile_pattern

PAYMENT = """{
  "source": "shop", "detail-type": "order.paid", "time": "2017-10-02T18:43:48Z",
  "account": "123456789012", "resources": ["arn:aws:ec2:i-1", "arn:aws:ec2:i-2"],
  "detail": {
    "Location": "New York", "Day": "Monday", "FileName": "dir/cat.png", "state": "running",
    "c-count": 5, "d-count": 3, "x-limit": 301.8, "source-ip": "10.0.0.33",
    "LastName": "", "UserID": null, "vip": true, "service": "EventBridge",
    "source-ipv6": "2001:db8::1", "none": [], "object": {"c1": 100}, "digits": "100"
  }
}"""
EMPLOYEES = """{"employees": [
  {"firstName": "Anna", "lastName": "Smith", "skills": ["sql", "go"]},
  [{"firstName": "Peter", "lastName": "Jones"}]
]}"""


def detail(name: str, values: str) -> str:
    return f'{{"detail": {{"{name}": {values}}}}}'


# (pattern, event, whether it matches)
DOCUMENTED = [
    # "and" of fields, "or" of values, arrays
    ('{"detail": {"Location": ["New York"], "Day": ["Monday"]}}', PAYMENT, True),
    ('{"detail": {"Location": ["New York"], "Day": ["Friday"]}}', PAYMENT, False),
    (detail("state", '["initializing", "running"]'), PAYMENT, True),
    ('{"resources": ["arn:aws:ec2:i-2"]}', PAYMENT, True),
    ('{"resources": ["arn:aws:ec2:i-3"]}', PAYMENT, False),
    ('{"nonesuch": ["x"]}', PAYMENT, False),
    # case matters, and so does the type
    (detail("state", '["Running"]'), PAYMENT, False),
    (detail("digits", "[100]"), PAYMENT, False),
    (detail("vip", "[true]"), PAYMENT, True),
    (detail("vip", '["true"]'), PAYMENT, False),
    (detail("vip", "[1]"), PAYMENT, False),
    # null and empty strings
    (detail("LastName", '[""]'), PAYMENT, True),
    (detail("UserID", "[null]"), PAYMENT, True),
    (detail("UserID", '[""]'), PAYMENT, False),
    (detail("missing", "[null]"), PAYMENT, False),
    # numbers match only as they are written
    ('{"n": [300]}', '{"n": 300}', True),
    ('{"n": [300]}', '{"n": 300.0}', False),
    ('{"n": [300]}', '{"n": 3.0e2}', False),
    ('{"n": [3.0e2]}', '{"n": 3.0e2}', True),
    ('{"n": [1]}', '{"n": true}', False),
    # prefix and suffix
    ('{"time": [{"prefix": "2017-10-02"}]}', PAYMENT, True),
    ('{"time": [{"prefix": "2018"}]}', PAYMENT, False),
    (detail("service", '[{"prefix": "eventb"}]'), PAYMENT, False),
    (detail("service", '[{"prefix": {"equals-ignore-case": "eventb"}}]'), PAYMENT, True),
    (detail("FileName", '[{"suffix": ".png"}]'), PAYMENT, True),
    (detail("FileName", '[{"suffix": ".PNG"}]'), PAYMENT, False),
    (detail("service", '[{"suffix": {"equals-ignore-case": "TBRIDGE"}}]'), PAYMENT, True),
    (detail("c-count", '[{"prefix": "5"}]'), PAYMENT, False),
    (detail("state", '[{"prefix": ""}]'), PAYMENT, True),
    (detail("UserID", '[{"prefix": ""}]'), PAYMENT, False),
    # equals-ignore-case
    (detail("Location", '[{"equals-ignore-case": "new york"}]'), PAYMENT, True),
    (detail("Location", '[{"equals-ignore-case": "new yor"}]'), PAYMENT, False),
    # anything-but
    (detail("state", '[{"anything-but": "initializing"}]'), PAYMENT, True),
    (detail("state", '[{"anything-but": "running"}]'), PAYMENT, False),
    (detail("state", '[{"anything-but": ["stopped", "overloaded"]}]'), PAYMENT, True),
    (detail("state", '[{"anything-but": ["stopped", "running"]}]'), PAYMENT, False),
    (detail("x-limit", '[{"anything-but": 123}]'), PAYMENT, True),
    (detail("x-limit", '[{"anything-but": [100, 200, 301.8]}]'), PAYMENT, False),
    (detail("x-limit", '[{"anything-but": [3.018e2]}]'), PAYMENT, False),
    (detail("c-count", '[{"anything-but": "5"}]'), PAYMENT, True),
    (detail("missing", '[{"anything-but": "x"}]'), PAYMENT, False),
    (detail("none", '[{"anything-but": "x"}]'), PAYMENT, False),
    ('{"resources": [{"anything-but": "arn:aws:ec2:i-1"}]}', PAYMENT, True),
    (detail("state", '[{"anything-but": {"equals-ignore-case": "RUNNING"}}]'), PAYMENT, False),
    (
        detail("state", '[{"anything-but": {"equals-ignore-case": ["Initializing", "STOPPED"]}}]'),
        PAYMENT,
        True,
    ),
    (detail("state", '[{"anything-but": {"prefix": "init"}}]'), PAYMENT, True),
    (detail("state", '[{"anything-but": {"prefix": ["init", "run"]}}]'), PAYMENT, False),
    (detail("FileName", '[{"anything-but": {"suffix": ".txt"}}]'), PAYMENT, True),
    (detail("FileName", '[{"anything-but": {"suffix": [".txt", ".png"]}}]'), PAYMENT, False),
    (detail("FileName", '[{"anything-but": {"wildcard": "*/lib/*"}}]'), PAYMENT, True),
    (detail("FileName", '[{"anything-but": {"wildcard": ["*/lib/*", "dir/*"]}}]'), PAYMENT, False),
    # numeric, by value
    (detail("c-count", '[{"numeric": [">", 0, "<=", 5]}]'), PAYMENT, True),
    (detail("c-count", '[{"numeric": [">", 0, "<", 5]}]'), PAYMENT, False),
    (detail("d-count", '[{"numeric": ["<", 10]}]'), PAYMENT, True),
    (detail("x-limit", '[{"numeric": ["=", 3.018e2]}]'), PAYMENT, True),
    (detail("digits", '[{"numeric": ["=", 100]}]'), PAYMENT, False),
    (detail("vip", '[{"numeric": ["=", 1]}]'), PAYMENT, False),
    (
        '{"n": [{"numeric": ["=", 9007199254740993]}]}',
        '{"n": 9007199254740992}',
        False,
    ),
    # cidr
    (detail("source-ip", '[{"cidr": "10.0.0.0/24"}]'), PAYMENT, True),
    (detail("source-ip", '[{"cidr": "10.0.0.99/24"}]'), PAYMENT, True),
    (detail("source-ip", '[{"cidr": "10.0.1.0/24"}]'), PAYMENT, False),
    (detail("source-ipv6", '[{"cidr": "2001:db8::/32"}]'), PAYMENT, True),
    (detail("source-ip", '[{"cidr": "2001:db8::/32"}]'), PAYMENT, False),
    (detail("state", '[{"cidr": "0.0.0.0/1"}]'), PAYMENT, False),
    (detail("c-count", '[{"cidr": "0.0.0.0/1"}]'), PAYMENT, False),
    # `exists`, only for leaves
    (detail("c-count", '[{"exists": true}]'), PAYMENT, True),
    (detail("c-count", '[{"exists": false}]'), PAYMENT, False),
    (detail("missing", '[{"exists": false}]'), PAYMENT, True),
    (detail("missing", '[{"exists": true}]'), PAYMENT, False),
    (detail("UserID", '[{"exists": true}]'), PAYMENT, True),
    (detail("object", '[{"exists": true}]'), PAYMENT, False),
    (detail("object", '[{"exists": false}]'), PAYMENT, True),
    (detail("none", '[{"exists": true}]'), PAYMENT, False),
    (detail("missing", '[{"exists": false}, "x"]'), PAYMENT, True),
    (detail("state", '[{"exists": false}, "running"]'), PAYMENT, True),
    (detail("state", '[{"exists": false}, "stopped"]'), PAYMENT, False),
    ('{"missing": {"deeper": [{"exists": false}]}}', PAYMENT, True),
    # wildcard
    (detail("FileName", '[{"wildcard": "dir/*.png"}]'), PAYMENT, True),
    (detail("FileName", '[{"wildcard": "*.jpg"}]'), PAYMENT, False),
    (detail("FileName", '[{"wildcard": "dir/cat.png"}]'), PAYMENT, True),
    (detail("FileName", '[{"wildcard": "d?r/*"}]'), PAYMENT, False),
    ('{"t": [{"wildcard": "a*a"}]}', '{"t": "a"}', False),
    ('{"t": [{"wildcard": "a*b*b"}]}', '{"t": "ab"}', False),
    ('{"t": [{"wildcard": "a*b*b"}]}', '{"t": "abb"}', True),
    (r'{"t": [{"wildcard": "a\\*"}]}', '{"t": "a*"}', True),
    (r'{"t": [{"wildcard": "a\\*"}]}', '{"t": "ab"}', False),
    (r'{"t": [{"wildcard": "a\\\\*"}]}', r'{"t": "a\\b"}', True),
    ('{"t": [{"wildcard": "a*"}]}', r'{"t": "a\nb"}', True),
    # $or
    ('{"detail": {"$or": [{"c-count": [9]}, {"d-count": [3]}]}}', PAYMENT, True),
    ('{"detail": {"$or": [{"c-count": [9]}, {"d-count": [9]}]}}', PAYMENT, False),
    (
        '{"source": ["shop"], "$or": [{"nonesuch": [1]}, {"detail": {"vip": [true]}}]}',
        PAYMENT,
        True,
    ),
    (
        '{"detail": {"vip": [true]}, "$or": [{"account": ["x"]}, {"detail": {"c-count": [5]}}]}',
        PAYMENT,
        True,
    ),
    (
        '{"detail": {"vip": [false]}, "$or": [{"account": ["x"]}, {"detail": {"c-count": [5]}}]}',
        PAYMENT,
        False,
    ),
    (
        """{"$or": [{"source": ["x"]},
        {"source": ["shop"], "$or": [{"account": [1]}, {"time": [{"prefix": "2017"}]}]}]}""",
        PAYMENT,
        True,
    ),
    # objects in arrays: all fields must match in the same object
    ('{"employees": {"firstName": ["Anna"]}}', EMPLOYEES, True),
    ('{"employees": {"firstName": ["Peter"], "lastName": ["Jones"]}}', EMPLOYEES, True),
    ('{"employees": {"firstName": ["Anna"], "lastName": ["Jones"]}}', EMPLOYEES, False),
    ('{"employees": {"firstName": ["Anna"], "skills": ["go"]}}', EMPLOYEES, True),
    (
        """{"employees": {"firstName": ["Anna"]},
        "$or": [{"employees": {"lastName": ["Jones"]}}, {"x": [1]}]}""",
        EMPLOYEES,
        False,
    ),
    (
        """{"employees": {"firstName": ["Peter"]},
        "$or": [{"employees": {"lastName": ["Jones"]}}, {"x": [1]}]}""",
        EMPLOYEES,
        True,
    ),
    (
        """{"employees": {"firstName": ["Anna"],
        "$or": [{"lastName": ["Jones"]}, {"skills": ["c"]}]}}""",
        EMPLOYEES,
        False,
    ),
]


@pytest.mark.parametrize(("pattern", "document", "matches"), DOCUMENTED)
def test_a_pattern_matches_as_the_user_guide_of_eventbridge_says(
    pattern: str, document: str, matches: bool
) -> None:
    compiled, happened = compile_pattern(pattern), read_json(document)
    assert compiled.matches(happened) is matches
    assert bool(compiled.mismatches(happened)) is not matches


DEEP = '{"a":' * (MAX_DEPTH + 1) + "[1]" + "}" * (MAX_DEPTH + 1)
WIDE = ", ".join(
    f'"{name}": {{"$or": [{{"x": [1]}}, {{"y": [1]}}, {{"z": [1]}}]}}' for name in "abcdefg"
)

# (a text that is not a valid pattern, the place of the error, what to do)
REFUSED = [
    ("", "", "not JSON"),
    ("[" * 3000, "", "not JSON"),
    ('{"a": [NaN]}', "", "not JSON"),
    ('{"a": [1], "a": [2]}', "", "duplicate key"),
    ("[1]", "", "object"),
    ('"text"', "", "object"),
    ("{}", "", "empty"),
    (f'{{"a": ["{"x" * MAX_LENGTH}"]}}', "", str(MAX_LENGTH)),
    (DEEP, ".".join("a" * MAX_DEPTH), str(MAX_DEPTH)),
    (f"{{{WIDE}}}", "", str(MAX_COMBINATIONS)),
    ('{"a": "x"}', "a", "array"),
    ('{"a": {"b": 1}}', "a.b", "array"),
    ('{"a": {"b": {}}}', "a.b", "empty"),
    ('{"a": {"b": []}}', "a.b", "empty"),
    ('{"a": [1, [2]]}', "a[1]", "array"),
    ('{"a": ["x", {"like": "y"}]}', "a[1]", "prefix"),
    ('{"a": [{}]}', "a[0]", "exactly one"),
    ('{"a": [{"prefix": "x", "suffix": "y"}]}', "a[0]", "exactly one"),
    ('{"a": [{"exists": 1}]}', "a[0].exists", "true or false"),
    ('{"a": [{"prefix": 5}]}', "a[0].prefix", "string"),
    ('{"a": [{"prefix": ["x"]}]}', "a[0].prefix", "string"),
    ('{"a": [{"suffix": {"wildcard": "x"}}]}', "a[0].suffix", "equals-ignore-case"),
    ('{"a": [{"suffix": {"equals-ignore-case": 1}}]}', "a[0].suffix.equals-ignore-case", "string"),
    ('{"a": [{"wildcard": "a**b"}]}', "a[0].wildcard", "row"),
    (r'{"a": [{"wildcard": "a\\b"}]}', "a[0].wildcard", "backslash"),
    (r'{"a": [{"wildcard": "a\\"}]}', "a[0].wildcard", "backslash"),
    ('{"a": [{"numeric": ">5"}]}', "a[0].numeric", "range"),
    ('{"a": [{"numeric": [">"]}]}', "a[0].numeric", "range"),
    ('{"a": [{"numeric": ["~", 5]}]}', "a[0].numeric[0]", "<="),
    ('{"a": [{"numeric": [">", "5"]}]}', "a[0].numeric[1]", "number"),
    ('{"a": [{"numeric": ["<", 5, ">", 0]}]}', "a[0].numeric", "lower bound"),
    ('{"a": [{"numeric": [">", 5, "<", 5]}]}', "a[0].numeric", "lower bound"),
    ('{"a": [{"cidr": "10.0.0.1"}]}', "a[0].cidr", "10.0.0.0/24"),
    ('{"a": [{"cidr": "10.0.0.0/40"}]}', "a[0].cidr", "10.0.0.0/24"),
    ('{"a": [{"anything-but": []}]}', "a[0].anything-but", "either kind"),
    ('{"a": [{"anything-but": ["x", 1]}]}', "a[0].anything-but", "either kind"),
    ('{"a": [{"anything-but": null}]}', "a[0].anything-but", "either kind"),
    ('{"a": [{"anything-but": {"numeric": ["=", 1]}}]}', "a[0].anything-but", "wildcard"),
    ('{"a": [{"anything-but": {"prefix": ""}}]}', "a[0].anything-but.prefix", "empty"),
    ('{"a": [{"anything-but": {"wildcard": ["**"]}}]}', "a[0].anything-but.wildcard", "row"),
    ('{"$or": [{"a": [1]}]}', "$or", "two or more"),
    ('{"$or": {"a": [1]}}', "$or", "two or more"),
    ('{"$or": [{"a": [1]}, 5]}', "$or[1]", "pattern"),
    ('{"b": {"$or": [{"a": [1]}, {"a": 1}]}}', "b.$or[1].a", "array"),
]


@pytest.mark.parametrize(("text", "place", "word"), REFUSED)
def test_what_is_no_pattern_is_refused_with_the_place_and_what_to_do(
    text: str, place: str, word: str
) -> None:
    with pytest.raises(PatternError) as refused:
        compile_pattern(text)
    assert refused.value.place == place
    assert word in refused.value.message


@pytest.mark.parametrize(
    ("pattern", "document", "expected"),
    [
        ('{"a": {"b": [5]}}', '{"a": {"b": 5.0}}', ["a.b is 5.0, but must be one of [5]"]),
        ('{"a": [5], "b": ["x"]}', '{"b": ["y", "z"]}', [
            "a is absent, but must be one of [5]",
            'b has ["y", "z"], but must be one of ["x"]',
        ]),
        ('{"$or": [{"a": [1], "b": [1]}, {"c": [1]}]}', "{}", [
            "c is absent, but must be one of [1]",
        ]),
        ('{"a": {"b": [1], "c": [1]}}', '{"a": [{"d": 1}, {"b": 1, "c": 2}]}', [
            "a.c is 2, but must be one of [1]",
        ]),
        ('{"a": {"b": [1]}, "$or": [{"a": {"c": [1]}}, {"d": [1]}]}',
            '{"a": [{"b": 1}, {"c": 1}]}', [
            " matches only in parts, not within a single object of an array",
        ]),
    ],
)  # fmt: skip
def test_an_explanation_names_the_parts_that_fail_in_the_closest_alternative(
    pattern: str, document: str, expected: list[str]
) -> None:
    found = compile_pattern(pattern).mismatches(read_json(document))
    assert [f"{each.place} {each.message}" for each in found] == expected


def test_a_wildcard_that_almost_matches_a_long_text_takes_no_time() -> None:
    text = "a" * 1_000_000
    pattern = compile_pattern(f'{{"t": [{{"wildcard": "{"*a" * 1000}*b"}}]}}')
    assert not pattern.matches({"t": text})


# Inside `$or` the fields have other names, since a path may not have rules both inside and outside.
NAMES, NAMES_IN_OR, PARENTS = "ab", "cd", "op"
TEXTS = st.text("aB1*", max_size=3)
NUMBERS = st.integers(-2, 2)
SCALARS = st.one_of(TEXTS, NUMBERS, st.sampled_from([True, False, None, "10.0.0.1"]))
FIELDS = st.dictionaries(
    st.sampled_from([*NAMES, *NAMES_IN_OR]), SCALARS | st.lists(SCALARS, max_size=2), max_size=4
)
OBJECTS = st.dictionaries(st.sampled_from(PARENTS), FIELDS | st.lists(FIELDS, max_size=3))
EVENTS = st.builds(lambda fields, objects: fields | objects, FIELDS, OBJECTS)
WILDCARDS = TEXTS.filter(lambda text: "**" not in text)
LITERALS = st.one_of(TEXTS, NUMBERS, st.lists(TEXTS, min_size=1), st.lists(NUMBERS, min_size=1))


def one_or_many(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return texts.filter(bool) | st.lists(texts.filter(bool), min_size=1, max_size=2)


def operator(name: str, operand: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({name: operand})


IGNORE_CASE = operator("equals-ignore-case", TEXTS)
OPERATORS = st.one_of(
    operator("prefix", TEXTS | IGNORE_CASE),
    operator("suffix", TEXTS | IGNORE_CASE),
    IGNORE_CASE,
    operator("wildcard", WILDCARDS),
    operator("exists", st.booleans()),
    operator("cidr", st.sampled_from(["10.0.0.0/8", "11.0.0.0/8"])),
    operator("numeric", st.tuples(st.sampled_from(["=", "<", "<=", ">", ">="]), NUMBERS).map(list)),
    operator("numeric", st.just([">", -2, "<=", 1])),
    operator("anything-but", LITERALS),
    operator("anything-but", operator("prefix", one_or_many(TEXTS))),
    operator("anything-but", operator("suffix", one_or_many(TEXTS))),
    operator("anything-but", operator("equals-ignore-case", one_or_many(TEXTS))),
    operator("anything-but", operator("wildcard", one_or_many(WILDCARDS))),
)
VALUES = st.lists(SCALARS | OPERATORS, min_size=1, max_size=2)


def objects(names: str) -> st.SearchStrategy[dict[str, Any]]:
    leaves = st.dictionaries(st.sampled_from(names), VALUES, min_size=1, max_size=2)
    parents = st.dictionaries(st.sampled_from(PARENTS), leaves, max_size=1)
    return st.builds(lambda fields, deeper: fields | deeper, leaves, parents)


BRANCHES = st.lists(objects(NAMES_IN_OR), min_size=2, max_size=2)
EITHER = st.just({}) | st.fixed_dictionaries({"$or": BRANCHES})
PATTERNS = st.builds(lambda fields, either: fields | either, objects(NAMES), EITHER)


# A generous limit, since the machine is shared.
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(PATTERNS, EVENTS)
def test_generated_events_match_as_in_the_emulator(
    pattern: dict[str, Any], document: dict[str, Any]
) -> None:
    alternatives = eventbridge._compile_pattern(pattern)
    expected = any(eventbridge._matches_detail(document, each) for each in alternatives)
    compiled = compile_pattern(json.dumps(pattern))
    assert compiled.matches(read_json(json.dumps(document))) is expected


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.text(max_size=30) | PATTERNS.map(json.dumps) | EVENTS.map(json.dumps), EVENTS)
def test_any_text_compiles_or_is_refused_and_what_compiles_answers_any_event(
    text: str, document: Any
) -> None:
    try:
        pattern = compile_pattern(text)
    except PatternError:
        return
    happened = read_json(json.dumps(document))
    assert pattern.matches(happened) is not bool(pattern.mismatches(happened))
