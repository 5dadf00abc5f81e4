"""JSON whose exact text is kept.

A JSON engine that reads a document and writes it again may change digits, escapes and the order of
keys, and with them the meaning to the receiver and every signature. So a request is never written
again: its top-level object is walked member by member, each value is read only to know that it is
JSON and where it ends, and the text between is kept as it stands.
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
    from collections.abc import Iterable, Iterator

MAX_DEPTH = 500  # levels; well below what Python's own reader can take (about 1,000)

# A value of two characters takes up to a hundred bytes of memory while it is read. So numbers are
# bounded before anything is built (docs/decisions/0063).
MAX_VALUES = 1_000_000  # commas and opening brackets outside of strings, in a request
MAX_MEMBERS = 50  # of the request itself; there are not half as many known fields
MAX_FIELD_LENGTH = 64 * 1024  # characters of any field that `read_value` reads

_LONGEST_INTEGER = 20  # characters; every number that Homing itself reads is shorter
_SPACE = re.compile(r"[ \t\n\r]*")
# Also one that does not end, for which nothing may be searched twice.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")


class _NotJsonError(ValueError):
    """Raised when Python would read what JSON does not have: NaN and Infinity."""


class _RepeatedNameError(ValueError):
    """Raised when an object gives one name twice."""


def _refuse_constant(name: str) -> NoReturn:
    raise _NotJsonError(f"{name} is not JSON")


def _to_number(digits: str) -> float:
    # Python refuses to read integers of more than 4,300 digits, and takes long over shorter ones.
    return int(digits) if len(digits) <= _LONGEST_INTEGER else float(digits)


def _writable(name: str) -> str:
    # Half a surrogate pair can be read from an escape, and written nowhere: not in an answer, not
    # in a log. No known name has one, so that it reads as an escape again does no harm.
    return name.encode(errors="backslashreplace").decode()


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = {_writable(name): value for name, value in pairs}
    if len(members) < len(pairs):
        raise _RepeatedNameError(", ".join(_repeated(_writable(name) for name, _ in pairs)))
    return members


# The finder only looks for the end of a value: it keeps a small number in place of each.
_FINDER = json.JSONDecoder(
    object_hook=len, parse_int=len, parse_float=len, parse_constant=_refuse_constant
)
_READER = json.JSONDecoder(parse_int=_to_number, object_pairs_hook=_without_repeats)


def from_base64(body: str) -> bytes:
    """Give the bytes of a body that arrived in base64, as the HTTP API passes on what is no text.

    Raises:
        InvalidMessageError: when it is not base64.
    """
    try:
        return base64.b64decode(body, validate=True)
    except ValueError as error:
        raise InvalidMessageError([FieldError("body", "is not base64")]) from error


def as_handed_on(body: str) -> str:
    """Return a body that arrived as text, if it is what the sender has sent.

    Where bytes are not UTF-8, API Gateway and Lambda write U+FFFD in their place before anybody
    here sees them. So this character is refused: in JSON it can be written as an escape.

    Raises:
        InvalidMessageError: when it holds U+FFFD.
    """
    if "\ufffd" in body:
        message = (
            r"is not UTF-8, or holds U+FFFD, which stands for what is not; write \ufffd for it"
        )
        raise InvalidMessageError([FieldError("body", message)])
    return body


def decode(body: str | bytes) -> str:
    """Give a request body as text, without a byte order mark (RFC 8259, section 8.1).

    Raises:
        InvalidMessageError: when it is not UTF-8.
    """
    try:
        text = body.decode() if isinstance(body, bytes) else body
        text.encode()  # half of a surrogate pair is no text
    except UnicodeError as error:
        raise InvalidMessageError([FieldError("body", "is not UTF-8")]) from error
    return text.removeprefix("\ufeff")


def split_members(text: str) -> dict[str, str]:
    """Split a JSON object into its members: each name with the exact source text of its value.

    Raises:
        InvalidMessageError: when the text is no JSON object, holds NaN or Infinity, gives a
            member twice, has too many values or members, or a member is nested more than
            `MAX_DEPTH` levels deep.
    """
    if not text.startswith("{", _end_of_space(text, 0)):
        raise InvalidMessageError([FieldError("body", "must be a JSON object")])
    if _counts_over(text, ",[{", MAX_VALUES):
        raise InvalidMessageError([FieldError("body", f"holds more than {MAX_VALUES} values")])
    try:
        pairs = list(islice(_walk(text), MAX_MEMBERS + 1))
    except json.JSONDecodeError as error:
        raise InvalidMessageError([FieldError("body", f"is not JSON: {error}")]) from error
    if len(pairs) > MAX_MEMBERS:
        raise InvalidMessageError([FieldError("body", f"holds more than {MAX_MEMBERS} fields")])
    repeated = _repeated(name for name, _ in pairs)
    if repeated:
        raise InvalidMessageError([FieldError(name, "is given twice") for name in repeated])
    return dict(pairs)


def read_value(name: str, source: str) -> Any:
    """Read the value of a member, as `split_members` gave it.

    Raises:
        InvalidMessageError: when it is too long, or an object in it gives one name twice.
    """
    if len(source) > MAX_FIELD_LENGTH:
        message = f"is longer than {MAX_FIELD_LENGTH} characters"
        raise InvalidMessageError([FieldError(name, message)])
    try:
        return _READER.decode(source)
    except _RepeatedNameError as error:
        message = f"gives a name more than once: {error}"
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
    if (end := _end_of_space(text, position + 1)) < len(text):
        raise json.JSONDecodeError("Extra data", text, end)


def _end_of_value(name: str, text: str, start: int) -> int:
    try:
        _, end = _FINDER.raw_decode(text, start)
    except _NotJsonError as error:
        raise InvalidMessageError([FieldError(name, f"is not JSON: {error}")]) from error
    except RecursionError:
        end = None
    if end is None or _is_too_deep(text[start:end]):
        message = f"is nested more than {MAX_DEPTH} levels deep"
        raise InvalidMessageError([FieldError(name, message)])
    return end


def _counts_over(text: str, marks: str, limit: int) -> bool:
    """Return whether there are more of some marks than `limit`, outside of strings."""
    if sum(map(text.count, marks)) <= limit:
        return False
    inside = sum(sum(map(string[0].count, marks)) for string in _STRING.finditer(text))
    return sum(map(text.count, marks)) - inside > limit


def _is_too_deep(source: str) -> bool:
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
