"""The request and the response of `POST /v1/messages/batch`, which sends several messages at once.

The request is first split into the source texts of its messages. Each message is then read as if it
had been sent alone, so a message that is not JSON does not affect the others.
"""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import TYPE_CHECKING, Any

from homing.api.answer import Answer
from homing.api.problem import no_room
from homing.errors import FieldError, InvalidMessageError
from homing.reception.message import MAX_BODY_BYTES
from homing.reception.raw_json import decode, refuse_many

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_MESSAGES = 100
# The result of a function may have 6 MB. It contains the body as a JSON string, in which each quote
# takes two characters (AWS Lambda quotas).
MAX_RESULTS_BYTES = 5_000_000

_SPACE = " \t\n\r"
_START = re.compile(rf'[{_SPACE}]*\{{[{_SPACE}]*"messages"[{_SPACE}]*:[{_SPACE}]*\[')
_END = re.compile(rf"[{_SPACE}]*\}}[{_SPACE}]*")
# A JSON string (the last one in the text may lack its closing quote), a bracket or a comma. The
# quantifiers are possessive, as in raw_json.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[\]{},]', re.DOTALL)
_IDS = ("messageId", "senderId")


def split_batch(body: str | bytes) -> list[str]:
    """Return the source text of each message of a batch.

    Raises:
        InvalidMessageError: when the body is not `{"messages": [...]}` with 1 to `MAX_MESSAGES`
            messages; with status 413 when the body is too large.
    """
    if len(body) > MAX_BODY_BYTES:
        message = f"is longer than {MAX_BODY_BYTES} bytes; send fewer messages at once"
        raise InvalidMessageError([FieldError("body", message)], 413)
    text = decode(body)
    refuse_many(text)
    messages = list(islice(_elements(text), MAX_MESSAGES + 1))
    if len(messages) > MAX_MESSAGES:
        message = f"has too many items; at most {MAX_MESSAGES} are allowed"
        raise InvalidMessageError([FieldError("messages", message)])
    return messages


def batched(answers: Sequence[Answer]) -> Answer:
    """Return the response to a batch: 200, with the result of each message in the same order.

    A Lambda function can return only a limited number of bytes. A result that would exceed the
    limit is replaced by a 503, after which the sender can send the message again.
    """
    results: list[dict[str, Any]] = []
    left = MAX_RESULTS_BYTES
    for answer in answers:
        size = len(json.dumps(json.dumps(_result(answer))))
        fits = size <= left
        left -= size if fits else 0
        results.append(_result(answer if fits else _without_room(answer)))
    return Answer(200, {"results": results})


def _result(answer: Answer) -> dict[str, Any]:
    name = "message" if answer.status < 400 else "problem"  # noqa: PLR2004 -- errors begin at 400
    return {"status": answer.status, name: answer.document}


def _without_room(answer: Answer) -> Answer:
    return no_room({name: answer.document[name] for name in _IDS if name in answer.document})


def _elements(text: str) -> Iterator[str]:
    """Yield the source text of each element of the array `messages`."""
    head = _START.match(text)
    if head is None:
        raise _invalid('must be {"messages": [...]}, without other fields')
    start, depth = head.end(), 0
    for token in _TOKEN.finditer(text, start):
        mark, end = text[token.start()], token.start()
        if mark in "[{":
            depth += 1
        elif mark in "]}" and depth:
            depth -= 1
        elif mark == "}":
            break
        elif mark in ",]" and not depth:
            yield _element(text[start:end])
            start = token.end()
            if mark == "]":
                break
    else:
        raise _invalid("is not JSON: the array of messages has no end")
    if not _END.fullmatch(text, start):
        raise _invalid('must be {"messages": [...]}, with nothing after the array')


def _element(text: str) -> str:
    if source := text.strip(_SPACE):
        return source
    message = "must have at least one item, and exactly one comma between two items"
    raise InvalidMessageError([FieldError("messages", message)])


def _invalid(message: str) -> InvalidMessageError:
    return InvalidMessageError([FieldError("body", message)])
