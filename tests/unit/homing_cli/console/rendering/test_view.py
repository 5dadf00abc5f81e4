"""How payloads are shown."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from homing_cli.console.rendering.view import pretty


@pytest.mark.parametrize("number", ["1.10", "1e400", "-0", "12345678901234567890123", "0.1"])
def test_the_numbers_of_a_payload_keep_their_digits(number: str) -> None:
    assert pretty(f'{{"total":{number}}}') == f'{{\n  "total": {number}\n}}'


def test_a_text_that_looks_like_a_mark_stays() -> None:
    text = "0123456789abcdef" * 2
    assert json.loads(pretty(f'["{text}", 1.10]')) == [text, 1.1]


@pytest.mark.parametrize("text", ["<xml/>", "", "{", "[" * 100_000])
def test_what_is_not_json_is_shown_as_it_is(text: str) -> None:
    assert pretty(text).startswith(text[:20_000])


def test_a_document_is_indented() -> None:
    assert pretty({"attempts": Decimal(3)}) == '{\n  "attempts": "3"\n}'


def test_a_very_long_text_is_cut_and_says_by_how_much() -> None:
    assert pretty("x" * 20_010).endswith("\n… 10 characters more")
