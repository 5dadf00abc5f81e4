r"""Removal of an endpoint's secret header values from its responses.

If an endpoint echoes the request, as debugging pages do, the response contains credentials, and the
beginning of the response is stored in the execution. The echo may be escaped: as JSON, JavaScript,
Python or C (`\/`, `\u003d`, `\x3d`, `\075`), in a URL (`%3D`), or in HTML or XML (`&#61;`,
`&equals;`). Escapes may be nested, and the value of a `Basic` header may be decoded. So a text is
searched unchanged, and again each time one level of escapes has been decoded. Hashes
of secret values are not found, nor are secret values in base64, except in `Basic` headers.
"""

from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import dataclass, replace
from html import unescape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from homing.retry.outcome import Outcome

MASK = "[redacted]"

# The separators between the parts of a header's value, as in `Bearer <token>` or `key="<token>";
# other=<token>`. Each part is searched for, since an endpoint may echo only some of them.
_SEPARATORS = re.compile(r"[\s\"'\\,;]+")
# A part shorter than this is not a useful secret, and removing it could damage any text.
_SHORTEST = 6
_BASIC = re.compile(r"\s*Basic\s+(\S+)", re.IGNORECASE)

_HEX = "[0-9A-Fa-f]"
_ESCAPE = re.compile(
    rf"\\+(?:u({_HEX}{{4}})|u\{{({_HEX}{{1,5}})\}}|U000({_HEX}{{5}})|x({_HEX}{{2}})|([0-7]{{3}})|(.))"
    rf"|%({_HEX}{{2}})|(&(?:\#[0-9]+|\#[xX]{_HEX}+|[A-Za-z][A-Za-z0-9]*);)",
    re.DOTALL,
)
# An escape that is cut off by the end of the text.
_CUT_ESCAPE = re.compile(
    rf"(?:\\{{1,16}}(?:u{_HEX}{{0,3}}|u\{{{_HEX}{{0,5}}|U{_HEX}{{0,7}}|x{_HEX}?|[0-7]{{0,2}})"
    rf"|%{_HEX}?|&\#?[A-Za-z0-9]{{0,12}})\Z"
)
_LONGEST_CUT = 32
_MOST_NESTED = 8  # levels of escapes; no serializer nests deeper


def redact(outcome: Outcome, confidential: Iterable[str]) -> Outcome:
    """Return the outcome after removing these values, even incomplete ones, from its response.

    Since the response was cut off after some bytes, it may end with only the beginning of a value.

    Args:
        outcome: the outcome with the response.
        confidential: the secret header values of the endpoint.
    """
    parts = {part for value in confidential for part in _parts(value)}
    secrets = {text for part in parts for text in (part, _plain(part)) if len(text) >= _SHORTEST}
    if not secrets:
        return outcome
    return replace(
        outcome,
        response_body=_masked(outcome.response_body, secrets),
        retry_after=outcome.retry_after and _masked(outcome.retry_after, secrets),
    )


def _parts(value: str) -> Iterator[str]:
    yield from _SEPARATORS.split(value)
    if basic := _BASIC.fullmatch(value):
        yield from _decoded_basic(basic[1])


def _decoded_basic(encoded: str) -> Iterator[str]:
    """Yield the decoded `Basic` value (RFC 7617) and its password, each also form-encoded."""
    try:
        credentials = b64decode(encoded + "=" * (-len(encoded) % 4)).decode("utf-8", "replace")
    except ValueError:
        return
    for secret in (credentials, credentials.partition(":")[2]):
        yield secret
        yield secret.replace(" ", "+")


@dataclass(frozen=True, slots=True)
class _Level:
    """A text with some levels of escapes decoded.

    Args:
        text: the decoded text.
        starts: for each character, where it begins in the original text.
        ends: for each character, where it ends in the original text.
    """

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    @property
    def cut(self) -> int:
        """The position at which the text ends in an incomplete escape.

        If the text does not end in one, it is the text's length.
        """
        found = _CUT_ESCAPE.search(self.text, max(0, len(self.text) - _LONGEST_CUT))
        return found.start() if found else len(self.text)

    def undone(self) -> _Level | None:
        """Return the text with one level of escapes decoded; None if it has no escapes."""
        texts: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        at, end = 0, self.cut
        for escape in _ESCAPE.finditer(self.text, 0, end):
            before, after = escape.span()
            meant = _meant(escape)
            texts += (self.text[at:before], meant)
            starts += (*self.starts[at:before], *[self.starts[before]] * len(meant))
            ends += (*self.ends[at:before], *[self.ends[after - 1]] * len(meant))
            at = after
        if not texts and end == len(self.text):
            return None
        texts.append(self.text[at:end])
        return _Level("".join(texts), [*starts, *self.starts[at:end]], [*ends, *self.ends[at:end]])


def _levels(text: str) -> Iterator[_Level]:
    """Yield a text unchanged, then with one level of escapes decoded, then with two, and so on."""
    level: _Level | None = _Level(text, range(len(text)), range(1, len(text) + 1))
    for _ in range(_MOST_NESTED):
        if level is None:
            return
        yield level
        level = level.undone()


def _plain(text: str) -> str:
    """Return a secret with all its escapes decoded, for the search in a decoded text."""
    *_, last = _levels(text)
    return last.text


def _meant(escape: re.Match[str]) -> str:
    four, braced, five, two, octal, itself, percent, entity = escape.groups()
    if entity:
        return unescape(entity)
    if itself:
        return str(itself)
    return chr(int(octal, 8) if octal else int(four or braced or five or two or percent, 16))


def _masked(text: str, secrets: Iterable[str]) -> str:
    found = sorted({span for level in _levels(text) for span in _found(level, len(text), secrets)})
    parts: list[str] = []
    at = 0
    for start, end in found:
        if start >= at:
            parts += (text[at:start], MASK)
        at = max(at, end)
    return "".join((*parts, text[at:]))


def _found(level: _Level, end: int, secrets: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Yield the start and end position of each secret in the original text.

    If the text ends in the middle of a secret, the positions of this incomplete secret are yielded,
    too.
    """
    ends = {len(level.text), level.cut}
    for secret in secrets:
        at = level.text.find(secret)
        while at >= 0:
            yield level.starts[at], level.ends[at + len(secret) - 1]
            at = level.text.find(secret, at + len(secret))
        for cut in ends:
            for length in range(min(len(secret) - 1, cut), _SHORTEST - 1, -1):
                if level.text.endswith(secret[:length], 0, cut):
                    yield level.starts[cut - length], end
                    break
