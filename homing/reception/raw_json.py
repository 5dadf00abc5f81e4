"""Parsing of JSON that keeps the exact text of each member.

A JSON library that parses and serializes a document may change digits, escapes and the order of
keys. That could change the document's meaning for the receiver, and changes every signature.
Therefore a request is never serialized again: its top-level object is split into members, and the
source text of each value is used. A value is parsed only to check it and to find its end. The same
applies to a message of an ingest queue.
"""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any, NoReturn

from homing.errors import FieldError, InvalidMessageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MAX_DEPTH = 500  # levels; well below the limit of Python's parser (about 1,000)

# A value of two characters takes up to a hundred bytes of memory while it is parsed. So the number
# of values is checked before the request is parsed (docs/decisions/0063).
MAX_VALUES = 1_000_000  # commas and opening brackets outside of strings, in a request
MAX_MEMBERS = 50  # of the top-level object, which has fewer than 25 known fields
MAX_FIELD_LENGTH = 64 * 1024  # characters of any field that `read_value` parses

_LONGEST_INTEGER = 20  # characters; every number that Homing itself uses is shorter
_SPACE = re.compile(r"[ \t\n\r]*")
# Also matches a string that lacks its closing quote. The quantifiers are possessive, so that no
# text is searched twice.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")


class _NotJsonError(ValueError):
    """Raised for NaN and Infinity, which Python parses but JSON does not allow."""


class _DuplicateKeyError(ValueError):
    """Raised when an object has a duplicate key."""


def _refuse_constant(name: str) -> NoReturn:
    raise _NotJsonError(f"{name} is not JSON")


def _to_number(digits: str) -> float:
    # Python refuses integers of more than 4,300 digits, and is slow with shorter ones.
    return int(digits) if len(digits) <= _LONGEST_INTEGER else float(digits)


def _writable(name: str) -> str:
    # A name in JSON may contain half a surrogate pair, which cannot be encoded in a response or a
    # log, so it is replaced by an escape. No known field has such a name.
    return name.encode(errors="backslashreplace").decode()


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = {_writable(name): value for name, value in pairs}
    if len(members) < len(pairs):
        raise _DuplicateKeyError(", ".join(_repeated(_writable(name) for name, _ in pairs)))
    return members


# The finder only finds the end of a value. To save memory, it keeps a length instead of each value.
_FINDER = json.JSONDecoder(
    object_hook=len, parse_int=len, parse_float=len, parse_constant=_refuse_constant
)
_READER = json.JSONDecoder(parse_int=_to_number, object_pairs_hook=_without_repeats)


def from_base64(body: str) -> bytes:
    """Return the bytes of a body in base64, the form in which API Gateway passes on binary bodies.

    Raises:
        InvalidMessageError: when it is not base64.
    """
    try:
        return base64.b64decode(body, validate=True)
    except ValueError as error:
        raise InvalidMessageError([FieldError("body", "is not valid base64")]) from error


def as_handed_on(body: str) -> str:
    """Return a body that arrived as text, after checking that it is what the sender sent.

    API Gateway and Lambda replace bytes that are not UTF-8 with U+FFFD, so a body with this
    character is refused. A sender can send the character as a JSON escape instead.

    Raises:
        InvalidMessageError: when it contains U+FFFD.
    """
    if "\ufffd" in body:
        message = (
            r"is not UTF-8, or contains U+FFFD, which replaces invalid bytes; write it as \ufffd"
        )
        raise InvalidMessageError([FieldError("body", message)])
    return body


def decode(body: str | bytes) -> str:
    """Return a request body as text, without a byte order mark (RFC 8259, section 8.1).

    Raises:
        InvalidMessageError: when it is not UTF-8.
    """
    try:
        text = body.decode() if isinstance(body, bytes) else body
        text.encode()  # refuses half of a surrogate pair
    except UnicodeError as error:
        raise InvalidMessageError([FieldError("body", "is not UTF-8")]) from error
    return text.removeprefix("\ufeff")


def split_members(text: str) -> dict[str, str]:
    """Split a JSON object into its members: each name with the exact source text of its value.

    Raises:
        InvalidMessageError: when the text is not a JSON object, contains NaN or Infinity, has a
            duplicate key, has too many values or members, or has a member that is nested more than
            `MAX_DEPTH` levels deep.
    """
    if not text.startswith("{", _end_of_space(text, 0)):
        raise InvalidMessageError([FieldError("body", "must be a JSON object")])
    refuse_many(text)
    try:
        pairs = list(islice(_walk(text), MAX_MEMBERS + 1))
    except json.JSONDecodeError as error:
        raise _not_json(error) from error
    if len(pairs) > MAX_MEMBERS:
        raise InvalidMessageError([FieldError("body", f"has more than {MAX_MEMBERS} fields")])
    repeated = _repeated(name for name, _ in pairs)
    if repeated:
        raise InvalidMessageError([FieldError(name, "is given twice") for name in repeated])
    return dict(pairs)


def source_at(text: str, path: Sequence[str]) -> str | None:
    """Return the exact source text of the value that a path of names leads to in a JSON text.

    Returns:
        None if there is no such value.

    Raises:
        InvalidMessageError: when the text is not valid JSON, exceeds the limits of this module, or
            has a duplicate key on the path.
    """
    source = single_value(text)
    for name in path:
        if not source.startswith("{"):
            return None
        found = [value for each, value in _walk(source) if each == name]
        if len(found) > 1:
            raise InvalidMessageError([FieldError(name, "is given twice")])
        if not found:
            return None
        (source,) = found
    return source


def single_value(text: str) -> str:
    """Return a JSON text without surrounding white space.

    Raises:
        InvalidMessageError: when the text is not exactly one JSON value, has too many values, or is
            nested too deeply.
    """
    refuse_many(text)
    try:
        start = _end_of_space(text, 0)
        end = _end_of_value("body", text, start)
        _refuse_more(text, end)
    except json.JSONDecodeError as error:
        raise _not_json(error) from error
    return text[start:end]


def read_value(name: str, source: str) -> Any:
    """Return the value of a member, parsed from its source text.

    Raises:
        InvalidMessageError: when the text is too long, or an object in it has a duplicate key.
    """
    if len(source) > MAX_FIELD_LENGTH:
        message = f"is longer than {MAX_FIELD_LENGTH} characters"
        raise InvalidMessageError([FieldError(name, message)])
    try:
        return _READER.decode(source)
    except _DuplicateKeyError as error:
        message = f"has a duplicate key: {error}"
        raise InvalidMessageError([FieldError(name, message)]) from error


def _walk(text: str) -> Iterator[tuple[str, str]]:
    position = _end_of_space(text, _after(text, 0, "{"))
    while not text.startswith("}", position):
        if not text.startswith('"', position):
            raise json.JSONDecodeError("Expecting property name in double quotes", text, position)
        spelt, position = _FINDER.raw_decode(text, position)
        name = _writable(spelt)
        start = _end_of_space(text, _after(text, position, ":"))
        end = _end_of_value(name, text, start)
        yield name, text[start:end]
        position = _end_of_space(text, end)
        if text.startswith("}", position):
            break
        position = _end_of_space(text, _after(text, position, ","))
        if text.startswith("}", position):
            raise json.JSONDecodeError("Illegal trailing comma", text, position)
    _refuse_more(text, position + 1)


def _refuse_more(text: str, position: int) -> None:
    if (end := _end_of_space(text, position)) < len(text):
        raise json.JSONDecodeError("Extra data", text, end)


def refuse_many(text: str) -> None:
    """Raise InvalidMessageError when a request has too many values."""
    if _counts_over(text, ",[{", MAX_VALUES):
        raise InvalidMessageError([FieldError("body", f"has more than {MAX_VALUES} values")])


def _not_json(error: json.JSONDecodeError) -> InvalidMessageError:
    return InvalidMessageError([FieldError("body", f"is not JSON: {error}")])


def _end_of_value(name: str, text: str, start: int) -> int:
    try:
        _, end = _FINDER.raw_decode(text, start)
    except _NotJsonError as error:
        raise InvalidMessageError([FieldError(name, f"is not JSON: {error}")]) from error
    except RecursionError:
        end = None
    if end is None or is_too_deep(text[start:end]):
        message = f"is nested more than {MAX_DEPTH} levels deep"
        raise InvalidMessageError([FieldError(name, message)])
    return end


def _counts_over(text: str, marks: str, limit: int) -> bool:
    """Return whether a text has more than `limit` of the given characters outside strings."""
    if sum(map(text.count, marks)) <= limit:
        return False
    inside = sum(sum(map(string[0].count, marks)) for string in _STRING.finditer(text))
    return sum(map(text.count, marks)) - inside > limit


def is_too_deep(source: str) -> bool:
    """Return whether a JSON text is nested more than `MAX_DEPTH` levels deep."""
    if not _counts_over(source, "[{", MAX_DEPTH):
        return False
    depth = 0
    for bracket in _BRACKET.finditer(_STRING.sub("", source)):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > MAX_DEPTH:
            return True
    return False


def _after(text: str, position: int, mark: str) -> int:
    position = _end_of_space(text, position)
    if not text.startswith(mark, position):
        raise json.JSONDecodeError(f"Expecting '{mark}' delimiter", text, position)
    return position + 1


def _end_of_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
