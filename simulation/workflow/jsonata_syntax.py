"""Parses the subset of JSONata that the workflow definitions use, and refuses other syntax.

expression = conditional
conditional = or [ "?" expression ":" expression ]
or = and { "or" and }              and = comparison { "and" comparison }
comparison = concatenation [ ( "=" | "!=" ) concatenation ]
concatenation = path { "&" path }  path = primary { "." name }
primary = string | number | true | false | null | "$" name | "$" name "(" arguments ")"
        | "(" expression ")" | "[" expressions "]" | "{" string ":" expression, ... "}"
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from simulation.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>'[^'\\]*'|"[^"\\]*")
      | (?P<number>\d+(?:\.\d+)?)
      | (?P<variable>\$[A-Za-z_]\w*)
      | (?P<name>[A-Za-z_]\w*)
      | (?P<mark>!=|[=&?:.,()\[\]{}])
    )""",
    re.VERBOSE,
)
_CONSTANTS = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Literal:
    """A literal value."""

    value: object


@dataclass(frozen=True, slots=True)
class Variable:
    """`$name`."""

    name: str


@dataclass(frozen=True, slots=True)
class Path:
    """`base.name.name`."""

    base: Node
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """`$function(arguments)`."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Binary:
    """`left operator right`."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Conditional:
    """`condition ? then : otherwise`."""

    condition: Node
    then: Node
    otherwise: Node


@dataclass(frozen=True, slots=True)
class Array:
    """`[items]`."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Object:
    """`{'name': value}`."""

    members: tuple[tuple[str, Node], ...]


Node: TypeAlias = "Literal | Variable | Path | Call | Binary | Conditional | Array | Object"


def parse(source: str) -> Node:
    """Parse an expression.

    Raises:
        UnsupportedError: when it uses syntax that the grammar of this module does not contain.
    """
    parser = _Parser(source)
    node = parser.expression()
    parser.expect("end")
    return node


class _Parser:
    """Reads tokens from left to right; one method is one rule of the grammar."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._tokens = _tokens(source)
        self._at = 0

    def expression(self) -> Node:
        condition = self._chain(("or",), self._and)
        if not self._take("?"):
            return condition
        then = self.expression()
        self.expect(":")
        return Conditional(condition, then, self.expression())

    def expect(self, token: str) -> None:
        if not self._take(token):
            raise UnsupportedError(f"{self._peek()[1]!r} instead of {token!r}: {self._source}")

    def _and(self) -> Node:
        return self._chain(("and",), self._comparison)

    def _comparison(self) -> Node:
        return self._chain(("=", "!="), self._concatenation)

    def _concatenation(self) -> Node:
        return self._chain(("&",), self._path)

    def _chain(self, operators: tuple[str, ...], operand: Callable[[], Node]) -> Node:
        node = operand()
        while self._peek()[1] in operators and self._peek()[0] in {"mark", "name"}:
            node = Binary(self._next()[1], node, operand())
        return node

    def _path(self) -> Node:
        base = self._primary()
        names = []
        while self._take("."):
            kind, text = self._next()
            if kind != "name":
                raise UnsupportedError(f"{text!r} as a step of a path: {self._source}")
            names.append(text)
        return Path(base, tuple(names)) if names else base

    def _primary(self) -> Node:  # noqa: PLR0911  # one return for each kind of primary
        kind, text = self._next()
        match kind, text:
            case "string", _:
                return Literal(text[1:-1])
            case "number", _:
                return Literal(float(text) if "." in text else int(text))
            case "name", _ if text in _CONSTANTS:
                return Literal(_CONSTANTS[text])
            case "variable", _:
                return self._variable(text[1:])
            case "mark", "(":
                inner = self.expression()
                self.expect(")")
                return inner
            case "mark", "[":
                return Array(self._list("]"))
            case "mark", "{":
                return self._object()
            case _:
                raise UnsupportedError(f"{text!r}: {self._source}")

    def _variable(self, name: str) -> Node:
        return Call(name, self._list(")")) if self._take("(") else Variable(name)

    def _list(self, end: str) -> tuple[Node, ...]:
        items: list[Node] = []
        while not self._take(end):
            if items:
                self.expect(",")
            items.append(self.expression())
        return tuple(items)

    def _object(self) -> Node:
        members: list[tuple[str, Node]] = []
        while not self._take("}"):
            if members:
                self.expect(",")
            kind, text = self._next()
            if kind != "string":
                raise UnsupportedError(f"{text!r} as the name of a member: {self._source}")
            self.expect(":")
            members.append((text[1:-1], self.expression()))
        return Object(tuple(members))

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at]

    def _next(self) -> tuple[str, str]:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _take(self, text: str) -> bool:
        kind, found = self._peek()
        if found != text or kind not in {"mark", "end"}:
            return False
        self._next()
        return True


def _tokens(source: str) -> list[tuple[str, str]]:
    tokens = []
    at = 0
    text = source.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise UnsupportedError(f"{text[at:].strip()[:20]!r}: {source}")
        tokens.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return [*tokens, ("end", "end")]
