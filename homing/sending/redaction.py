r"""Taking out of a response what its endpoint was told in confidence.

An endpoint that echoes the request in its response, as debugging pages do, would put its own
credentials into the execution, where the first part of each response stands. It may write them in
another form than it got them: as JSON, JavaScript, Python or C (`\/`, `\u003d`, `\x3d`, `\075`),
in a URL (`%3D`), in HTML or XML (`&#61;`, `&equals;`), one within another, and `Basic` decoded. So
a text is searched as it is, and again after its escapes are undone, until there are none. Hashes,
and base64 of what is not base64 by itself, are not looked for.
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

# What separates the parts of a header's value: `Bearer <token>`, `key="<token>"; other=<token>`.
# Parts are looked for, since an endpoint may have taken the value apart.
_SEPARATORS = re.compile(r"[\s\"'\\,;]+")
# A part that is shorter is no secret worth the name, and taking it out would mangle any text.
_SHORTEST = 6
_BASIC = re.compile(r"\s*Basic\s+(\S+)", re.IGNORECASE)

_HEX = "[0-9A-Fa-f]"
_ESCAPE = re.compile(
    rf"\\+(?:u({_HEX}{{4}})|u\{{({_HEX}{{1,5}})\}}|U000({_HEX}{{5}})|x({_HEX}{{2}})|([0-7]{{3}})|(.))"
    rf"|%({_HEX}{{2}})|(&(?:\#[0-9]+|\#[xX]{_HEX}+|[A-Za-z][A-Za-z0-9]*);)",
    re.DOTALL,
)
# What an escape may look like whose end is missing.
_CUT_ESCAPE = re.compile(
    rf"(?:\\{{1,16}}(?:u{_HEX}{{0,3}}|u\{{{_HEX}{{0,5}}|U{_HEX}{{0,7}}|x{_HEX}?|[0-7]{{0,2}})"
    rf"|%{_HEX}?|&\#?[A-Za-z0-9]{{0,12}})\Z"
)
_LONGEST_CUT = 32
_MOST_NESTED = 8  # escapes within escapes; what nests deeper is no serializer's


def redact(outcome: Outcome, confidential: Iterable[str]) -> Outcome:
    """Give an outcome whose response holds none of these values, nor the start of one at its end.

    Args:
        outcome: what the endpoint answered.
        confidential: values of headers that are kept for the endpoint alone.
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
    """Give what RFC 7617 makes `Basic` of: `user:password`, the password, and both as in a form."""
    try:
        credentials = b64decode(encoded + "=" * (-len(encoded) % 4)).decode("utf-8", "replace")
    except ValueError:
        return
    for secret in (credentials, credentials.partition(":")[2]):
        yield secret
        yield secret.replace(" ", "+")


@dataclass(frozen=True, slots=True)
class _Level:
    """A text after some of its escapes were undone.

    Args:
        text: the result.
        starts: for each of its characters, where it began to be written at first.
        ends: likewise, where that ended.
    """

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    @property
    def cut(self) -> int:
        """Where an escape begins whose end is missing; at the end, where there is none."""
        found = _CUT_ESCAPE.search(self.text, max(0, len(self.text) - _LONGEST_CUT))
        return found.start() if found else len(self.text)

    def undone(self) -> _Level | None:
        """Undo the escapes once, and leave out one that is cut; None where there are none."""
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
    """Give a text as it is, then with its escapes undone, with those within them undone, ..."""
    level: _Level | None = _Level(text, range(len(text)), range(1, len(text) + 1))
    for _ in range(_MOST_NESTED):
        if level is None:
            return
        yield level
        level = level.undone()


def _plain(text: str) -> str:
    """Undo the escapes that a secret itself holds, as happens to them in a text."""
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
    """Find where secrets were written, and the starts of some at the end of a text cut short."""
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
