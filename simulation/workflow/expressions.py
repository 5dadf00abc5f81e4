"""Compiles JSONata expressions to Python functions, for the subset that `jsonata_syntax` parses.

As in Step Functions, an expression has one variable, `$states`. JSONata's `undefined` is `MISSING`
here. A test evaluates every expression of the definitions with the package `jsonata` as well, and
compares the results.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from simulation.errors import UnsupportedError
from simulation.workflow.jsonata_syntax import (
    Array,
    Binary,
    Call,
    Conditional,
    Literal,
    Node,
    Object,
    Path,
    Variable,
    parse,
)

Evaluate: TypeAlias = Callable[[Mapping[str, Any]], Any]

_LARGEST_PLAIN: Final = 1e15  # JSONata formats larger numbers in another way
_SMALLEST_PLAIN: Final = 1e-6


class _Missing:
    """The type of `MISSING`."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()


class QueryError(Exception):
    """Raised when an expression fails; Step Functions calls it `States.QueryEvaluationError`."""


def compile_expression(source: str) -> Evaluate:
    """Compile an expression to a function that takes the mapping `$states`.

    Raises:
        UnsupportedError: when the expression uses a feature that is not implemented.
    """
    return _compile(parse(source))


def _compile(node: Node) -> Evaluate:  # noqa: PLR0911  # one return for each kind of node
    match node:
        case Literal(value):
            return lambda _: value
        case Variable("states"):
            return lambda states: states
        case Variable(name):
            raise UnsupportedError(f"the variable ${name}")
        case Path(base, names):
            return _path(base, names)
        case Call(name, arguments):
            return _call(name, arguments)
        case Binary(operator, left, right):
            return _OPERATORS[operator](_compile(left), _compile(right))
        case Conditional(condition, then, otherwise):
            return _conditional(_compile(condition), _compile(then), _compile(otherwise))
        case Array(items):
            return _array(tuple(_compile(item) for item in items))
        case Object(members):
            return _object(tuple((name, _compile(value)) for name, value in members))


def _path(base: Node, names: tuple[str, ...]) -> Evaluate:
    start = _compile(base)

    def walk(states: Mapping[str, Any]) -> Any:
        value = start(states)
        for name in names:
            if type(value) is not dict:
                if isinstance(value, list):
                    raise UnsupportedError(f"a path through an array, at {name}")
                return MISSING
            value = value.get(name, MISSING)
        return value

    return walk


def _conditional(condition: Evaluate, then: Evaluate, otherwise: Evaluate) -> Evaluate:
    return lambda states: then(states) if _truth(condition(states)) else otherwise(states)


def _array(items: tuple[Evaluate, ...]) -> Evaluate:
    def make(states: Mapping[str, Any]) -> list[Any]:
        values = [item(states) for item in items]
        return [value for value in values if value is not MISSING]

    return make


def _object(members: tuple[tuple[str, Evaluate], ...]) -> Evaluate:
    def make(states: Mapping[str, Any]) -> dict[str, Any]:
        values = [(name, value(states)) for name, value in members]
        return {name: value for name, value in values if value is not MISSING}

    return make


def _equal(left: Evaluate, right: Evaluate) -> Evaluate:
    def compare(states: Mapping[str, Any]) -> bool:
        a, b = left(states), right(states)
        return a is not MISSING and b is not MISSING and same(a, b)

    return compare


def _unequal(left: Evaluate, right: Evaluate) -> Evaluate:
    def compare(states: Mapping[str, Any]) -> bool:
        a, b = left(states), right(states)
        return a is not MISSING and b is not MISSING and not same(a, b)

    return compare


def same(a: Any, b: Any) -> bool:
    """Return whether two values are equal in JSON: `true` differs from 1, but 1 equals 1.0."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    return bool(a == b)


def _concatenate(left: Evaluate, right: Evaluate) -> Evaluate:
    def join(states: Mapping[str, Any]) -> str:
        a, b = left(states), right(states)
        return ("" if a is MISSING else text_of(a)) + ("" if b is MISSING else text_of(b))

    return join


_OPERATORS: Final[Mapping[str, Callable[[Evaluate, Evaluate], Evaluate]]] = {
    "=": _equal,
    "!=": _unequal,
    "&": _concatenate,
    "and": lambda left, right: lambda states: _truth(left(states)) and _truth(right(states)),
    "or": lambda left, right: lambda states: _truth(left(states)) or _truth(right(states)),
}


def _truth(value: Any) -> bool:
    if isinstance(value, list):
        raise UnsupportedError("an array as a condition")
    return value is not MISSING and bool(value)


def _call(name: str, arguments: tuple[Node, ...]) -> Evaluate:
    function, arity = _FUNCTIONS.get(name, (None, 0))
    if function is None or len(arguments) != arity:
        raise UnsupportedError(f"${name} with {len(arguments)} arguments")
    compiled = tuple(_compile(argument) for argument in arguments)
    return lambda states: function(*[argument(states) for argument in compiled])


def _merge(objects: Any) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for each in objects:
        if not isinstance(each, dict):
            raise QueryError(f"$merge of {type(each).__name__}")
        merged.update(each)
    return merged


def _string(value: Any) -> Any:
    return MISSING if value is MISSING else text_of(value)


def _substring(text: Any, start: int, length: int) -> Any:
    if text is MISSING:
        return MISSING
    if not isinstance(text, str):
        raise QueryError(f"$substring of {type(text).__name__}")
    return text[start : start + length]


def _exists(value: Any) -> bool:
    return value is not MISSING


_FUNCTIONS: Final[Mapping[str, tuple[Callable[..., Any], int]]] = {
    "exists": (_exists, 1),
    "merge": (_merge, 1),
    "string": (_string, 1),
    "substring": (_substring, 3),
}


def text_of(value: Any) -> str:
    """Return a value as text, in the format of JSONata's `$string`."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return _number_text(value)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _number_text(value: float) -> str:
    if value and not _SMALLEST_PLAIN <= abs(value) < _LARGEST_PLAIN:
        raise UnsupportedError(f"the number {value} as text")
    return f"{value:.15g}"
