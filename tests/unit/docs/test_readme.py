"""The README's list of what Homing does not do."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).parents[3]
README = (PROJECT / "README.md").read_text(encoding="utf-8")
SECTION = README.split("## What it does not do")[1].split("\n## ")[0]


def test_it_names_what_homing_does_not_do() -> None:
    assert re.findall(r"^- \*\*([\w ]+)\.\*\*", SECTION, re.MULTILINE) == [
        "Order",
        "Exactly once",
        "Transformation",
        "Responses",
        "Private networks",
    ]


def test_the_page_on_reliability_says_so_too() -> None:
    page = (PROJECT / "docs" / "reliability.md").read_text(encoding="utf-8")
    assert "*Exactly once.*" in page.split("### What is not promised")[1]
