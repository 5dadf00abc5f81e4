"""The comparison operators of event patterns (`homing.routing.pattern`), and a JSON reader.

The EventBridge user guide describes the operators in "Comparison operators for use in event
patterns". When a pattern is compiled, each operator becomes a test of one value.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from functools import cached_property
from ipaddress import IPv4Network, ip_network
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any, NamedTuple, NoReturn

from homing.errors import HomingError

Test = Callable[[Any], bool]
"""Returns whether a value (a string, a `Number`, a boolean or None) matches."""

MAX_SHOWN = 100  # the characters of a value that an error message shows

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_WILDCARD = re.compile(r"\\.?|\*+|[^\\*]+", re.DOTALL)


class PatternError(HomingError):
    """Raised when a text is not an event pattern.

    Args:
        place: the place of the error in the pattern, e.g. `payload.total[0].numeric`; empty if the
            error is about the whole pattern.
        message: what is wrong there.
    """

    def __init__(self, place: str, message: str) -> None:
        super().__init__(f"{place} {message}".lstrip())
        self.place = place
        self.message = message


class _Spelling(NamedTuple):
    text: str


class Number(_Spelling):
    """A JSON number. Two numbers are equal if they are written alike: 300 is not 300.0."""

    @cached_property
    def value(self) -> Decimal | float:
        """The exact value; infinity or 0 if the exponent is beyond the range of decimals."""
        try:
            return Decimal(self.text)
        except InvalidOperation:
            return float(self.text)


def read_json(text: str, **hooks: Any) -> Any:
    """Parse a JSON text; numbers become `Number`, so that they are kept as written.

    Raises:
        ValueError: when it is not JSON.
        RecursionError: when it is nested too deeply.
    """
    return json.loads(
        text, parse_int=Number, parse_float=Number, parse_constant=_refuse_constant, **hooks
    )


def json_text(value: Any) -> str:
    """Return a value from `read_json` as JSON text, shortened for an error message."""
    text = _json_text(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def read_operator(expression: Mapping[str, Any], place: str) -> Test:
    """Return the test of an expression such as `{"prefix": "order-"}`.

    Raises:
        PatternError: when the expression does not have exactly one known operator, or its operand
            is invalid.
    """
    name, operand = _only_member(expression, place, _OPERATORS)
    return _OPERATORS[name](operand, f"{place}.{name}")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _json_text(value: Any) -> str:
    match value:
        case Number():
            return value.text
        case list():
            return f"[{', '.join(map(_json_text, value))}]"
        case dict():
            members = (f"{json.dumps(name)}: {_json_text(each)}" for name, each in value.items())
            return f"{{{', '.join(members)}}}"
        case _:
            return json.dumps(value, ensure_ascii=False)


def _only_member(given: Mapping[str, Any], place: str, known: Mapping[str, Any]) -> tuple[str, Any]:
    if len(given) != 1:
        raise PatternError(place, f"must have exactly one operator: {_list(known)}")
    ((name, operand),) = given.items()
    if name not in known:
        raise PatternError(
            place, (f"uses the unknown operator {json_text(name)}; use {_list(known)}")
        )
    return name, operand


def _list(names: Mapping[str, Any]) -> str:
    return ", ".join(names)


def _string(operand: Any, place: str) -> str:
    if not isinstance(operand, str):
        raise PatternError(place, "must be a string")
    return operand


def _affix(fits: Callable[[str, str], bool]) -> Callable[[Any, str], Test]:
    """Return the function that turns an operand of `prefix` or `suffix` into a test.

    With the operand `{"equals-ignore-case": ...}`, the test ignores case.
    """

    def read(operand: Any, place: str) -> Test:
        if isinstance(operand, dict):
            name, inner = _only_member(operand, place, {"equals-ignore-case": None})
            folded = _string(inner, f"{place}.{name}").casefold()
            return lambda value: isinstance(value, str) and fits(value.casefold(), folded)
        text = _string(operand, place)
        return lambda value: isinstance(value, str) and fits(value, text)

    return read


def _equals_ignore_case(operand: Any, place: str) -> Test:
    text = _string(operand, place).casefold()
    return lambda value: isinstance(value, str) and value.casefold() == text


def _wildcard(operand: Any, place: str) -> Test:
    r"""Return the test for a pattern in which `*` matches any characters and `\*` a `*`."""
    first, *parts = _wildcard_parts(_string(operand, place), place)
    if not parts:
        return lambda value: bool(value == first)
    *middle, last = parts
    shortest = len(first) + len(last)

    def test(value: Any) -> bool:
        if not isinstance(value, str) or len(value) < shortest:
            return False
        if not (value.startswith(first) and value.endswith(last)):
            return False
        start, end = len(first), len(value) - len(last)
        for part in middle:  # its leftmost match leaves the most text for the parts after it
            start = value.find(part, start, end)
            if start < 0:
                return False
            start += len(part)
        return True

    return test


def _wildcard_parts(text: str, place: str) -> list[str]:
    """Return the literal texts between the wildcards of a pattern."""
    parts = [""]
    for piece in _WILDCARD.findall(text):
        if piece == "*":
            parts.append("")
        elif piece.startswith("*"):
            raise PatternError(place, "has two wildcards in a row; one matches any text")
        elif not piece.startswith("\\"):
            parts[-1] += piece
        elif piece[1:] in {"*", "\\"}:
            parts[-1] += piece[1:]
        else:
            raise PatternError(place, r"has a backslash that escapes neither * nor \; write \\")
    return parts


def _numeric(operand: Any, place: str) -> Test:
    """Return the test for a comparison, or for a range, whose lower bound comes first."""
    if not isinstance(operand, list) or len(operand) not in {2, 4}:
        raise PatternError(place, 'must be a comparison or a range, e.g. [">", 0, "<=", 5]')
    names, numbers = operand[::2], operand[1::2]
    for number, (name, bound) in enumerate(zip(names, numbers, strict=True)):
        if not isinstance(name, str) or name not in _COMPARISONS:
            raise PatternError(f"{place}[{2 * number}]", f"must be one of {_list(_COMPARISONS)}")
        if not isinstance(bound, Number):
            raise PatternError(f"{place}[{2 * number + 1}]", "must be a number")
    bounds = [bound.value for bound in numbers]
    if len(names) > 1 and not (
        names[0] in {">", ">="} and names[1] in {"<", "<="} and bounds[0] < bounds[1]
    ):
        raise PatternError(place, 'must have the lower bound first, e.g. [">", 0, "<=", 5]')
    checks = [(_COMPARISONS[name], bound) for name, bound in zip(names, bounds, strict=True)]

    def test(value: Any) -> bool:
        if not isinstance(value, Number):
            return False
        exact = value.value
        return all(compare(exact, bound) for compare, bound in checks)

    return test


def _cidr(operand: Any, place: str) -> Test:
    text = _string(operand, place)
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        network = None
    if network is None or "/" not in text:
        raise PatternError(place, "must be a block of addresses, e.g. 10.0.0.0/24")
    family = AF_INET if isinstance(network, IPv4Network) else AF_INET6
    first, mask = int(network.network_address), int(network.netmask)

    def test(value: Any) -> bool:
        try:
            address = inet_pton(family, value)
        except (OSError, TypeError, ValueError):  # ValueError: a character beyond ASCII, or NUL
            return False
        return int.from_bytes(address) & mask == first

    return test


def _anything_but(operand: Any, place: str) -> Test:
    if isinstance(operand, dict):
        return _no_text_like(operand, place)
    values = operand if isinstance(operand, list) else [operand]
    if {type(each) for each in values} == {Number}:
        numbers = {each.value for each in values}
        return lambda value: not (isinstance(value, Number) and value.value in numbers)
    if {type(each) for each in values} != {str}:
        raise PatternError(place, "must be a string, a number, or a list of either kind")
    texts = frozenset(values)
    return lambda value: value not in texts


def _no_text_like(operand: Mapping[str, Any], place: str) -> Test:
    """Return the test for `anything-but` with an operator such as `prefix` and its texts."""
    name, given = _only_member(operand, place, _DENIABLE)
    place = f"{place}.{name}"
    texts = given if isinstance(given, list) else [given]
    if not texts or not all(isinstance(text, str) and text for text in texts):
        raise PatternError(place, "must be a string or a list of strings, none of them empty")
    tests = [_DENIABLE[name](text, place) for text in texts]
    return lambda value: not any(test(value) for test in tests)


_DENIABLE: Mapping[str, Callable[[Any, str], Test]] = {
    "prefix": _affix(str.startswith),
    "suffix": _affix(str.endswith),
    "equals-ignore-case": _equals_ignore_case,
    "wildcard": _wildcard,
}
# All operators except `exists`, which tests whether a field is present, not its value.
_OPERATORS: Mapping[str, Callable[[Any, str], Test]] = {
    **_DENIABLE,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "cidr": _cidr,
}
