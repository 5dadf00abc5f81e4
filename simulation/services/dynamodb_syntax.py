"""Parses DynamoDB's update and condition expressions, and compiles them to Python functions.

    update    = "SET" assignment {"," assignment} [ "REMOVE" path {"," path} ]
              | ("ADD" | "DELETE") path ":name"        (of sets of strings)
    assignment = path "=" value [ "+" value ]
    value     = ":name" | path | if_not_exists(path, value)
                                             | list_append(value, value)
                                             | size(path)        (of a set)
    condition = term { "OR" term }     term = factor { "AND" factor }
    factor    = "NOT" factor | "(" condition ")" | attribute_exists(path)
              | attribute_not_exists(path) | operand comparator operand

A path is the name of a top-level attribute, or a placeholder `#name`. Other syntax is refused, and
so are DynamoDB's reserved words as paths.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, TypeAlias

from simulation.errors import UnsupportedError

Item: TypeAlias = Mapping[str, Any]  # attribute name to typed value, as {"S": "x"}
Values: TypeAlias = Mapping[str, Any]
Condition: TypeAlias = Callable[[Item, Values], bool]
Operand: TypeAlias = Callable[[Item, Values], Any]
Update: TypeAlias = Callable[[Item, Values], dict[str, Any]]

_TOKEN = re.compile(r"\s*([:#]?[A-Za-z_][\w.-]*|<=|>=|<>|[<>=(),+])")
# The reserved words of DynamoDB that Homing is likely to use.
_RESERVED = frozenset(
    (  # noqa: SIM905  # a list of words reads best as words
        "action attribute attributes change count data date delete end error exists explain "
        "global group hash index item items key keys language last level list lock map max message "
        "min mode name names number object owner path plan policy position range region request "
        "response result role rule schema scope section sequence session size source start state "
        "status string table target time timestamp token total trace ttl type update url user "
        "value values view views zone"
    ).split()
)


class _Parser:
    """Reads tokens from left to right."""

    def __init__(self, text: str, names: Mapping[str, str]) -> None:
        self._text = text
        self._names = names
        self._tokens = _tokens(text)
        self._at = 0

    def peek(self) -> str:
        return self._tokens[self._at]

    def next(self) -> str:
        word = self._tokens[self._at]
        self._at += 1
        return word

    def take(self, word: str) -> bool:
        if self.peek().upper() != word:
            return False
        self._at += 1
        return True

    def expect(self, word: str) -> None:
        if not self.take(word):
            raise UnsupportedError(f"{self.peek()!r} instead of {word!r}: {self._text}")

    def path(self) -> str:
        word = self.next()
        if word.startswith("#"):
            return self._names[word]
        if not word[:1].isalpha() or "." in word or word.lower() in _RESERVED:
            raise UnsupportedError(f"the path {word!r}: {self._text}")
        return word

    def value(self) -> Operand:
        word = self.peek()
        if word.startswith(":"):
            self.next()
            return lambda _, values: values[word]
        if word == "if_not_exists":
            return self._if_not_exists()
        if word == "list_append":
            return self._list_append()
        if word == "size":
            return self._size()
        name = self.path()
        return lambda item, _: item.get(name)

    def condition(self) -> Condition:
        terms = [self._term()]
        while self.take("OR"):
            terms.append(self._term())
        return lambda item, values: any(term(item, values) for term in terms)

    def _term(self) -> Condition:
        factors = [self._factor()]
        while self.take("AND"):
            factors.append(self._factor())
        return lambda item, values: all(factor(item, values) for factor in factors)

    def _factor(self) -> Condition:
        if self.take("NOT"):
            inner = self._factor()
            return lambda item, values: not inner(item, values)
        if self.take("("):
            inner = self.condition()
            self.expect(")")
            return inner
        if self.peek() in {"attribute_exists", "attribute_not_exists"}:
            return self._existence(wanted=self.next() == "attribute_exists")
        return self._comparison()

    def _existence(self, *, wanted: bool) -> Condition:
        self.expect("(")
        name = self.path()
        self.expect(")")
        return lambda item, _: (name in item) is wanted

    def _comparison(self) -> Condition:
        left = self.value()
        comparator = self.next()
        if comparator not in _COMPARATORS:
            raise UnsupportedError(f"the comparator {comparator!r}: {self._text}")
        holds = _COMPARATORS[comparator]
        right = self.value()
        return lambda item, values: _compare(left(item, values), right(item, values), holds)

    def _if_not_exists(self) -> Operand:
        self.next()
        self.expect("(")
        name = self.path()
        self.expect(",")
        otherwise = self.value()
        self.expect(")")
        return lambda item, values: item[name] if name in item else otherwise(item, values)

    def _list_append(self) -> Operand:
        self.next()
        self.expect("(")
        first = self.value()
        self.expect(",")
        second = self.value()
        self.expect(")")
        return lambda item, values: {
            "L": [*first(item, values)["L"], *second(item, values)["L"]],
        }

    def _size(self) -> Operand:
        self.next()
        self.expect("(")
        name = self.path()
        self.expect(")")
        return lambda item, _: {"N": str(len(item[name]["SS"]))} if name in item else None


_COMPARATORS: Final[Mapping[str, Callable[[int], bool]]] = {
    "=": lambda order: order == 0,
    "<>": lambda order: order != 0,
    "<": lambda order: order < 0,
    "<=": lambda order: order <= 0,
    ">": lambda order: order > 0,
    ">=": lambda order: order >= 0,
}


def _compare(left: Any, right: Any, holds: Callable[[int], bool]) -> bool:
    """Compare typed values; return False if one is absent or their types differ."""
    if left is None or right is None:
        return False
    ((kind, a),) = left.items()
    ((other, b),) = right.items()
    if kind not in {"S", "N"}:
        raise UnsupportedError(f"a comparison of values of type {kind}")
    if kind != other:
        return False
    if kind == "N":
        a, b = Decimal(a), Decimal(b)
    return holds((a > b) - (a < b))


@lru_cache
def _compiled_condition(text: str, names: tuple[tuple[str, str], ...]) -> Condition:
    parser = _Parser(text, dict(names))
    condition = parser.condition()
    parser.expect("")
    return condition


def compile_condition(text: str, names: Mapping[str, str]) -> Condition:
    """Compile a condition expression to a function of an item and values.

    For an item that does not exist, call the function with an empty item.

    Raises:
        UnsupportedError: when the expression uses a feature that is not implemented.
    """
    return _compiled_condition(text, tuple(names.items()))


@lru_cache
def _compiled_update(text: str, names: tuple[tuple[str, str], ...]) -> Update:
    parser = _Parser(text, dict(names))
    for action, change in _OF_SETS.items():
        if parser.take(action):
            return _set_update(parser, change)
    assignments = []
    if parser.peek() != "REMOVE":
        parser.expect("SET")
        assignments.append(_assignment(parser))
        while parser.take(","):
            assignments.append(_assignment(parser))
    removals = []
    if parser.take("REMOVE"):
        removals.append(parser.path())
        while parser.take(","):
            removals.append(parser.path())
    parser.expect("")

    def update(item: Item, values: Values) -> dict[str, Any]:
        # As in DynamoDB, every value is computed from the item as it was before the update.
        changed = {**item, **{name: value(item, values) for name, value in assignments}}
        for name in removals:
            changed.pop(name, None)
        return changed

    return update


_OF_SETS: Final[Mapping[str, Callable[[set[str], set[str]], set[str]]]] = {
    "ADD": set.union,
    "DELETE": set.difference,
}


def _set_update(parser: _Parser, change: Callable[[set[str], set[str]], set[str]]) -> Update:
    name, value = parser.path(), parser.value()
    parser.expect("")

    def update(item: Item, values: Values) -> dict[str, Any]:
        if "SS" not in (given := value(item, values)):
            raise UnsupportedError("an ADD or DELETE with something that is not a set of strings")
        before = set(item[name]["SS"]) if name in item else set()
        after = sorted(change(before, set(given["SS"])))
        rest = {each: kept for each, kept in item.items() if each != name}
        return {**rest, name: {"SS": after}} if after else rest  # DynamoDB has no empty sets

    return update


def compile_update(text: str, names: Mapping[str, str]) -> Update:
    """Compile an update expression to a function that returns the changed item.

    Raises:
        UnsupportedError: when the expression uses a feature that is not implemented.
    """
    return _compiled_update(text, tuple(names.items()))


def _assignment(parser: _Parser) -> tuple[str, Operand]:
    name = parser.path()
    parser.expect("=")
    first = parser.value()
    return name, _sum(first, parser.value()) if parser.take("+") else first


def _sum(first: Operand, second: Operand) -> Operand:
    """Return a function that adds two operands, which must both be numbers."""

    def add(item: Item, values: Values) -> dict[str, str]:
        given = first(item, values), second(item, values)
        if any(value is None or "N" not in value for value in given):
            raise UnsupportedError("a sum with something that is not a number")
        return {"N": str(sum(Decimal(value["N"]) for value in given))}

    return add


def _tokens(text: str) -> list[str]:
    tokens = []
    at = 0
    text = text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise UnsupportedError(f"{text[at:][:20]!r}: {text}")
        tokens.append(match[1])
        at = match.end()
    return [*tokens, ""]
