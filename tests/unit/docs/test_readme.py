"""What the README says that Homing does not do."""

from __future__ import annotations

import re
from pathlib import Path

from homing.reception.request_model import MAX_TARGETS, MessageRequest

PROJECT = Path(__file__).parents[3]
README = (PROJECT / "README.md").read_text(encoding="utf-8")
SECTION = README.split("## What it does not do")[1].split("\n## ")[0]


def test_it_names_what_homing_does_not_do() -> None:
    assert re.findall(r"^- \*\*([\w ]+)\.\*\*", SECTION, re.MULTILINE) == [
        "Order",
        "Exactly once",
        "Transformation",
        "Answers",
        "Private networks",
    ]


def test_the_page_on_reliability_says_so_too() -> None:
    page = (PROJECT / "docs" / "reliability.md").read_text(encoding="utf-8")
    assert "*Exactly once.*" in page.split("### What is not promised")[1]


def test_a_message_names_where_it_goes_and_no_type_of_event() -> None:
    names = {str(field.alias) for field in MessageRequest.model_fields.values()}
    assert {name for name in names if "target" in name.lower() or "endpoint" in name.lower()} == {
        "targetUrl",
        "targets",
        "endpointId",
        "endpointIds",
    }
    assert not {name for name in names if "type" in name.lower()} - {"contentType"}
    assert MAX_TARGETS == 10
    assert "one to ten URLs or endpoints" in SECTION
