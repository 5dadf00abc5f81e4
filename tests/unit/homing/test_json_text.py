"""JSON that is returned in a response exactly as it was written."""

from __future__ import annotations

import json

import pytest

from homing.json_text import JsonText, dump


def test_a_text_stands_in_the_document_as_it_is_written_wherever_it_is() -> None:
    kept = '{"a":  [1.10, 3.0e2], "é": "\\u00e9"}'
    document = {"one": JsonText(kept), "list": [{"two": JsonText("300")}], "plain": "x"}
    assert dump(document) == f'{{"one": {kept}, "list": [{{"two": 300}}], "plain": "x"}}'


def test_a_document_without_one_is_as_json_has_it() -> None:
    document = {"a": [1, 2.5, None, True, "é"]}
    assert dump(document) == json.dumps(document)


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(TypeError, match="set is not JSON"):
        dump({"a": {1}})
