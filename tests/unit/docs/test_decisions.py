"""The decision records: each is in the index, and every cited one exists."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).parents[3]
RECORDS = PROJECT / "docs" / "decisions"

_CITED = re.compile(r"[Dd]ecisions?[/\s]((?:0\d{3}(?:, | and )?)+)|\((0\d{3}(?:, 0\d{3})*)\)")
_NOT_OURS = {"build", "cdk.out", "node_modules", "vendor"}


def sources() -> list[Path]:
    """Return the pages and modules of the project."""
    places = [place for place in PROJECT.iterdir() if not place.name.startswith(".")]
    found = [path for place in places for path in (place, *place.rglob("*"))]
    return [
        path
        for path in found
        if path.suffix in {".py", ".md"} and not _NOT_OURS & set(path.relative_to(PROJECT).parts)
    ]


def test_the_index_lists_every_record_once_under_its_number() -> None:
    index = (RECORDS / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^- \[(\d{4})\]\((\d{4}-[a-z0-9-]+\.md)\):", index, re.MULTILINE)
    records = sorted(path.name for path in RECORDS.glob("[0-9]*.md"))
    assert sorted(name for _, name in listed) == records
    assert all(name.startswith(f"{number}-") for number, name in listed)


def test_no_two_records_have_one_number() -> None:
    numbers = [path.name[:4] for path in RECORDS.glob("[0-9]*.md")]
    assert len(set(numbers)) == len(numbers)


def test_a_record_begins_with_its_number() -> None:
    for path in RECORDS.glob("[0-9]*.md"):
        assert path.read_text(encoding="utf-8").startswith(f"# {path.name[:4]}: "), path.name


def test_every_record_that_is_cited_exists() -> None:
    numbers = {path.name[:4] for path in RECORDS.glob("[0-9]*.md")}
    cited = {
        (path.name, number)
        for path in sources()
        for match in _CITED.finditer(path.read_text(encoding="utf-8"))
        for number in re.findall(r"\d{4}", match.group())
    }
    assert len(cited) > len(numbers)
    assert [(name, number) for name, number in sorted(cited) if number not in numbers] == []
