"""The tests that docs/security.md names exist."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).parents[3]
PAGE = (PROJECT / "docs" / "security.md").read_text(encoding="utf-8")


def test_every_test_on_the_page_exists() -> None:
    named = set(re.findall(r"`([\w/]+/test_\w+\.py)`", PAGE))
    assert len(named) > 10
    assert [name for name in sorted(named) if not (PROJECT / "tests" / name).is_file()] == []


def test_every_threat_has_something_that_stops_it_and_a_test() -> None:
    rows = [line.split("|") for line in PAGE.splitlines() if line.startswith("| ")]
    threats = [row for row in rows if len(row) == 5 and "test_" in row[3]]
    assert len(threats) > 20
    for _, threat, stops, test, _ in threats:
        assert all((threat.strip(), stops.strip(), "/test_" in test))
