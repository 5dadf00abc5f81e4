"""Event patterns, the filter language of EventBridge rules: compiling, matching and explaining.

docs/events.md describes the language by example. A pattern is an object with the shape of an event.
Each field of the pattern lists the values that this field of an event may have, and `$or` lists
patterns, one of which must match. If a field of the event is an array of objects, all fields that
the pattern has under this name must match within the same object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from homing.routing.operators import PatternError, Test, json_text, read_json, read_operator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MAX_LENGTH = 4096  # characters, as in EventBridge
MAX_DEPTH = 50  # levels
MAX_COMBINATIONS = 1000  # of the alternatives in all `$or`, as in EventBridge

_OR = "$or"
_FEWEST_ALTERNATIVES = 2
_NOTHING: list[Any] = []  # an absent field is treated like an empty array


@dataclass(frozen=True, slots=True)
class _Values:
    """The values that a field may have: exact values, tests, or no value at all."""

    exact: frozenset[Any]
    test: Test
    may_be_absent: bool
    may_be_any: bool
    text: str

    def allow(self, value: Any) -> bool:
        """Return whether a field may have this value or, if it is an array, one of its elements."""
        if type(value) is list or type(value) is dict:
            found = _leaves(value)
            if not found:
                return self.may_be_absent
            return self.may_be_any or not self.exact.isdisjoint(found) or any(map(self.test, found))
        return self.may_be_any or value in self.exact or self.test(value)


@dataclass(frozen=True, slots=True)
class _Object:
    """What an object must match: rules for its fields, and one alternative of each `$or`."""

    fields: _Fields
    either: tuple[_Object, ...] = ()

    def allow(self, value: Any) -> bool:
        """Return whether the value of a field, or one of the objects in it, matches."""
        if type(value) is dict:
            return self.fits(value)
        return any(map(self.fits, _objects(value)))

    def fits(self, event: Mapping[str, Any]) -> bool:
        """Return whether an object of an event meets these requirements."""
        if not _hold(self.fields, event):
            return False
        return not self.either or _agree((self.fields,), (self.either,), event)


_Fields = Mapping[str, _Values | _Object]


@dataclass(frozen=True, slots=True, order=True)
class Mismatch:
    """A part of a pattern that an event does not match.

    Args:
        place: the field of the event, e.g. `payload.total`.
        message: what the field has, and what it must have.
    """

    place: str
    message: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled event pattern.

    Args:
        names: the top-level fields of events for which the pattern has a rule.
    """

    names: frozenset[str]
    _root: _Object = field(repr=False)

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Return whether an event matches. Its numbers must be `Number` (`operators.read_json`)."""
        return self._root.fits(event)

    def mismatches(self, event: Mapping[str, Any]) -> tuple[Mismatch, ...]:
        """Return why an event does not match; empty if it matches.

        Of the alternatives of an `$or`, and of the objects in an array, only the closest match is
        reported.
        """
        if self.matches(event):
            return ()
        apart = Mismatch("", "matches only in parts, not within a single object of an array")
        return tuple(_mismatches(self._root, event, "")) or (apart,)


def compile_pattern(text: str) -> Pattern:
    """Compile an event pattern.

    Raises:
        PatternError: when the text is not an event pattern. The error names the place in the
            pattern.
    """
    if len(text) > MAX_LENGTH:
        raise PatternError("", f"is {len(text)} characters long; at most {MAX_LENGTH} are allowed")
    try:
        pattern = read_json(text, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise PatternError("", f"is not JSON: {error}") from error
    if not isinstance(pattern, dict):
        raise PatternError("", "must be an object")
    root = _object(pattern, "", 1)
    if _combinations(root) > MAX_COMBINATIONS:
        raise PatternError("", f"has more than {MAX_COMBINATIONS} combinations of $or")
    return Pattern(frozenset(_names(root)), root)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("an object has a duplicate key")
    return members


def _object(pattern: Mapping[str, Any], place: str, depth: int) -> _Object:
    if depth > MAX_DEPTH:
        raise PatternError(place, f"is nested more than {MAX_DEPTH} levels deep")
    if not pattern:
        raise PatternError(place, "must not be empty")
    fields: dict[str, _Values | _Object] = {}
    for name, part in pattern.items():
        if name == _OR:
            continue
        match part:
            case dict():
                fields[name] = _object(part, _join(place, name), depth + 1)
            case list():
                fields[name] = _values(part, _join(place, name))
            case _:
                message = "must be an array of values, or an object with fields"
                raise PatternError(_join(place, name), message)
    either = _alternatives(pattern[_OR], _join(place, _OR), depth) if _OR in pattern else ()
    return _Object(fields, either)


def _alternatives(given: Any, place: str, depth: int) -> tuple[_Object, ...]:
    if not isinstance(given, list) or len(given) < _FEWEST_ALTERNATIVES:
        raise PatternError(place, "must be an array of two or more patterns")
    for number, each in enumerate(given):
        if not isinstance(each, dict):
            raise PatternError(f"{place}[{number}]", "must be a pattern")
    return tuple(
        _object(each, f"{place}[{number}]", depth + 1) for number, each in enumerate(given)
    )


def _values(given: Sequence[Any], place: str) -> _Values:
    if not given:
        raise PatternError(place, "must not be empty")
    exact, tests, existence = set(), [], set()
    for number, each in enumerate(given):
        match each:
            case {"exists": bool(wanted)} if len(each) == 1:
                existence.add(wanted)
            case {"exists": _} if len(each) == 1:
                raise PatternError(f"{place}[{number}].exists", "must be true or false")
            case dict():
                tests.append(read_operator(each, f"{place}[{number}]"))
            case list():
                raise PatternError(f"{place}[{number}]", "must not be an array")
            case _:
                exact.add(each)
    test = tests[0] if len(tests) == 1 else lambda value: any(test(value) for test in tests)
    return _Values(frozenset(exact), test, False in existence, True in existence, json_text(given))


def _combinations(part: _Object | _Values) -> int:
    """Return how many patterns would be needed without `$or`; EventBridge limits this number."""
    if isinstance(part, _Values):
        return 1
    product = max(len(part.either), 1)
    for each in (*part.fields.values(), *part.either):
        product *= _combinations(each)
    return product


def _names(root: _Object) -> Iterator[str]:
    yield from root.fields
    for alternative in root.either:
        yield from _names(alternative)


def _join(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _hold(fields: _Fields, event: Mapping[str, Any]) -> bool:
    for name, rule in fields.items():  # noqa: SIM110 -- `all` takes half as long again
        if not rule.allow(event.get(name, _NOTHING)):
            return False
    return True


def _agree(
    fields: tuple[_Fields, ...], either: tuple[tuple[_Object, ...], ...], event: Mapping[str, Any]
) -> bool:
    """Return whether an object of an event matches several parts of a pattern together.

    There are several parts if a pattern and an alternative of its `$or` have fields with the same
    name. Both parts must match the same object, so an alternative of each `$or` is chosen first.

    Args:
        fields: the parts, each of which the object matches on its own.
        either: the alternatives of each `$or` for which none is chosen yet.
        event: the object.
    """
    if either:
        return any(
            _hold(each.fields, event)
            and _agree((*fields, each.fields), (*either[1:], *filter(None, (each.either,))), event)
            for each in either[0]
        )
    return all(
        any(_fit_all(objects, each) for each in _objects(event.get(name, _NOTHING)))
        for name, objects in _shared(fields)
    )


def _fit_all(parts: Sequence[_Object], event: Mapping[str, Any]) -> bool:
    fields = tuple(part.fields for part in parts)
    either = tuple(part.either for part in parts if part.either)
    return all(_hold(each, event) for each in fields) and _agree(fields, either, event)


def _shared(fields: Sequence[_Fields]) -> Iterator[tuple[str, list[_Object]]]:
    """Yield each field that is an object in several parts of a pattern, with these objects."""
    for name in {name for each in fields[1:] for name in each}:
        rules = [each[name] for each in fields if name in each]
        objects = [rule for rule in rules if isinstance(rule, _Object)]
        if len(objects) > 1:
            yield name, objects


def _leaves(value: Any) -> Sequence[Any]:
    """Return the values of a field as a list, with arrays flattened."""
    if isinstance(value, list):
        return [each for each in _elements(value) if not isinstance(each, dict)]
    return () if isinstance(value, dict) else (value,)


def _objects(value: Any) -> Sequence[Mapping[str, Any]]:
    """Return the objects in a field or, if there are none, an empty object, which has no fields."""
    if isinstance(value, list):
        return [each for each in _elements(value) if isinstance(each, dict)] or [{}]
    return (value,) if isinstance(value, dict) else ({},)


def _elements(array: list[Any]) -> list[Any]:
    """Return the elements of an array, with nested arrays flattened."""
    if list not in set(map(type, array)):
        return array
    found, rest = [], [iter(array)]
    while rest:
        for each in rest[-1]:
            if isinstance(each, list):
                rest.append(iter(each))
                break
            found.append(each)
        else:
            rest.pop()
    return found


def _mismatches(part: _Object, event: Mapping[str, Any], place: str) -> list[Mismatch]:
    found = []
    for name, rule in part.fields.items():
        value, here = event.get(name, _NOTHING), _join(place, name)
        if isinstance(rule, _Object):
            found += _fewest(_mismatches(rule, each, here) for each in _objects(value))
        elif not rule.allow(value):
            message = f"{_has(_leaves(value))}, but must be one of {rule.text}"
            found.append(Mismatch(here, message))
    if part.either:
        found += _fewest(_mismatches(each, event, place) for each in part.either)
    return found


def _fewest(found: Iterable[list[Mismatch]]) -> list[Mismatch]:
    _, fewest = min((len(each), each) for each in found)
    return fewest


def _has(leaves: Sequence[Any]) -> str:
    match leaves:
        case []:
            return "is absent"
        case [value]:
            return f"is {json_text(value)}"
        case _:
            return f"has {json_text(list(leaves[:10]))}"
