"""docs/reliability.md names the promises that are checked, and no others."""

from __future__ import annotations

import re
from pathlib import Path

from simulation.checks.invariants import INVARIANTS

PAGE = (Path(__file__).parents[2] / "docs" / "reliability.md").read_text()


def test_every_invariant_is_a_promise_on_the_page_in_the_same_order() -> None:
    promised = re.findall(r"^\|.*\| `(\w+)` \|$", PAGE, re.MULTILINE)
    assert promised == [invariant.__name__ for invariant in INVARIANTS]


def test_every_decision_that_the_page_names_exists() -> None:
    decisions = Path(__file__).parents[2] / "docs" / "decisions"
    for number in set(re.findall(r"\b(00\d\d)\b", PAGE)):
        assert list(decisions.glob(f"{number}-*.md")), number


def test_every_test_that_the_page_names_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)
    assert len(named) > 20
    for path, name in named:
        text = (Path(__file__).parents[2] / path).read_text()
        assert not name or f"def {name}(" in text, f"{path}::{name}"
