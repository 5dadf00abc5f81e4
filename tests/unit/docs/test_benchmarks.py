"""docs/benchmarks.md names every benchmark, and the docs show every picture."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.run import BENCHMARKS

PROJECT = Path(__file__).parents[3]
DOCS = PROJECT / "docs"
PAGE = (DOCS / "benchmarks.md").read_text(encoding="utf-8")
NO_BENCHMARKS = {
    "cold_model",
    "endpoints",
    "failures",
    "handler_process",
    "handlers",
    "lambda_layout",
    "pollers",
    "run",
    "sizes",
}  # modules that benchmarks share


def test_every_benchmark_is_listed_with_whether_make_bench_runs_it() -> None:
    rows = re.findall(r"^\|.*benchmarks/(\w+)\.py`.*\| (yes|no) \|$", PAGE, re.MULTILINE)
    listed = dict(rows)
    assert len(listed) == len(rows)
    there = {path.stem for path in (PROJECT / "benchmarks").glob("*.py")}
    assert listed.keys() == there - NO_BENCHMARKS
    assert {name for name, runs in listed.items() if runs == "yes"} == set(BENCHMARKS)


def test_every_picture_stands_in_a_document_and_every_document_has_its_pictures() -> None:
    pages = (PROJECT / "README.md", *DOCS.rglob("*.md"))
    shown = {
        (page.parent / link).resolve()
        for page in pages
        for link in re.findall(r"!\[[^\]]*\]\(([^)]+\.png)\)", page.read_text(encoding="utf-8"))
    }
    assert shown == {path.resolve() for path in (DOCS / "images").rglob("*.png")}
