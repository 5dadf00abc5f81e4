"""The JSONata subset: its results, what it refuses, and that the jsonata package agrees."""

from __future__ import annotations

from typing import Any

import jsonata
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulation.errors import UnsupportedError
from simulation.workflow.definition import delivery_document, first_attempt_document
from simulation.workflow.expressions import MISSING, QueryError, compile_expression
from simulation.workflow.templates import compile_template, expressions_in

STATES = {
    "input": {"a": 1, "n": None, "c": {"d": "x"}, "list": [1], "yes": True, "half": 0.5},
    "errorOutput": {"Error": "Boom"},
}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("$states.input.c.d", "x"),
        ("$states.input.n", None),
        ("$states.input.gone", MISSING),
        ("$states.input.gone.further", MISSING),
        ("$states.input.n.further", MISSING),
        ("$states.input.a = 1.0", True),
        ("$states.input.yes = 1", False),
        ("$states.input.gone = $states.input.gone", False),
        ("$states.input.gone != 1", False),
        ("$states.input.a != 2", True),
        ("'a' & $states.input.gone & 1.5 & true & null", "a1.5truenull"),
        ("$states.input.n = null ? 'none' : 'some'", "none"),
        ("$states.input.gone ? 1 : 2", 2),
        ("'' ? 1 : 2", 2),
        ("$states.input.yes and $states.input.gone", False),
        ("$states.input.gone or $states.input.a", True),
        ("{'x': $states.input.gone, 'y': null}", {"y": None}),
        ("[1, $states.input.gone, 'b']", [1, "b"]),
        ("$merge([{'a': 1}, {'a': 2, 'b': 3}])", {"a": 2, "b": 3}),
        ("$string($states.input.half)", "0.5"),
        ("$string($states.input.gone)", MISSING),
        ("$string({'a': [1, null]})", '{"a":[1,null]}'),
        ("$substring('abc', 0, 1)", "a"),
        ("(1)", 1),
    ],
)
def test_an_expression_evaluates_as_jsonata_does(source: str, value: Any) -> None:
    assert compile_expression(source)(STATES) == value
    assert evaluated_by_jsonata(source, STATES) == value


@pytest.mark.parametrize(
    "source",
    [
        "$states.input.a + 1",
        "$states.input.list[0]",
        "$map([1], $f)",
        "$now()",
        "$other.a",
        "$merge([{}], 1)",
        "a.b",
        "`a`",
        "{a: 1}",
        "1 2",
        "$states.*",
        "'it\\'s'",
        "$states.input.a in [1]",
        "",
        "$states.input.a.",
    ],
)
def test_what_is_not_implemented_is_refused_before_it_runs(source: str) -> None:
    with pytest.raises(UnsupportedError):
        compile_expression(source)


@pytest.mark.parametrize(
    "source",
    ["$states.input.list.a", "$states.input.list ? 1 : 2", "'' & $states.input.tiny"],
)
def test_what_depends_on_the_finer_points_of_jsonata_is_refused_as_it_runs(source: str) -> None:
    states = {"input": {**STATES["input"], "tiny": 1e-9}}
    with pytest.raises(UnsupportedError):
        compile_expression(source)(states)


@pytest.mark.parametrize("source", ["$merge([1])", "$substring(1, 0, 1)"])
def test_an_argument_of_the_wrong_kind_fails_the_expression(source: str) -> None:
    with pytest.raises(QueryError):
        compile_expression(source)(STATES)
    assert evaluated_by_jsonata(source, STATES) is QueryError


def test_a_template_mixes_what_stands_with_what_is_computed() -> None:
    template = {"S": "{% $states.input.c.d %}", "L": ["plain", "{% 1 %}"], "N": 3}
    assert compile_template(template)(STATES) == {"S": "x", "L": ["plain", 1], "N": 3}


def test_an_expression_without_a_result_fails_the_state() -> None:
    with pytest.raises(QueryError, match="has no value"):
        compile_template("{% $states.input.gone %}")(STATES)


def test_an_expression_within_a_text_is_refused() -> None:
    with pytest.raises(UnsupportedError):
        compile_template("a {% 1 %}")


def evaluated_by_jsonata(source: str, states: dict[str, Any]) -> Any:
    """Evaluate an expression with the package; members whose value is undefined are left out."""
    expression = jsonata.Jsonata(f"{{'value': {source}}}")
    frame = expression.create_frame()
    frame.bind("states", states)
    try:
        return expression.evaluate(None, frame).get("value", MISSING)
    except jsonata.JException:
        return QueryError


def ours(source: str, states: dict[str, Any]) -> Any:
    try:
        return compile_expression(source)(states)
    except QueryError:
        return QueryError


DEPLOYED = sorted(
    {*expressions_in(delivery_document()), *expressions_in(first_attempt_document(45))}
)

text = st.sampled_from(["", "DELIVERED", "RETRY_SCHEDULED", "MAX_RETRIES_EXCEEDED", 'é"\n', "0a"])
number = st.integers(0, 10**12) | st.integers(1, 10**6).map(lambda thousandths: thousandths / 1000)
value = st.none() | text | number | st.booleans()


def some(*names: str, of: st.SearchStrategy[Any] = value) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, of))


documents = st.fixed_dictionaries(
    {"reference": some("deliveryId", "pk", "sk", "messageId", "timestamp", of=text)},
    optional={
        "outcome": some("kind", "timestamp", "responseTime", "httpStatus"),
        "verdict": some("status", "category", "reason", of=text),
        "record": some("result", of=text),
        "backoff": st.fixed_dictionaries({"next": some("attemptNumber", "attempts", of=number)}),
        "recorded": some("status", "executionName", "nextRetryAt", of=some("S", of=text)),
        "next": some("attemptNumber", "attempts", "expiresAt", "previousDelaySeconds", of=number),
        "attemptNumber": number,
        "attempts": number,
        "expiresAt": number,
        "dueAt": text,
    },
)
worlds = st.fixed_dictionaries(
    {
        "input": documents,
        "context": st.just({"State": {"EnteredTime": "2025-12-28T12:00:00.000Z"}}),
    },
    optional={
        "result": some("Payload", of=documents) | st.just({"Item": {"status": {"S": "DELIVERED"}}}),
        "errorOutput": some("Error", of=text),
    },
)


@settings(max_examples=25, deadline=None)
@given(worlds)
def test_every_deployed_expression_evaluates_as_the_jsonata_package_does(
    states: dict[str, Any],
) -> None:
    for source in DEPLOYED:
        assert ours(source, states) == evaluated_by_jsonata(source, states), source
