"""The generated tables of the docs: `python -m tools.doc_tables` writes them.

On a page, each generated table comes after a line `<!-- table: name -->` and a blank line. A test
generates the tables again and compares them with the pages, so that the pages always agree with the
counts, prices and quotas.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tools.cost_tables import COST_TABLES
from tools.scale_tables import SCALE_TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Rows = Sequence[Sequence[str]]

DOCS = Path(__file__).parents[1] / "docs"

PAGES: Mapping[str, Mapping[str, Callable[[], Rows]]] = {
    "cost.md": COST_TABLES,
    "scaling.md": SCALE_TABLES,
}

_BLOCK = re.compile(r"(<!-- table: (?P<name>[\w-]+) -->\n)\n*(?:\|[^\n]*\n)*\n*")


def refresh(text: str, tables: Mapping[str, Callable[[], Rows]]) -> str:
    """Return the text of a page with new versions of all its generated tables.

    Raises:
        KeyError: when the page names an unknown table.
    """

    def made(found: re.Match[str]) -> str:
        return f"{found[1]}\n{markdown(tables[found['name']]())}\n"

    return _BLOCK.sub(made, text).rstrip("\n") + "\n"


def names(text: str) -> list[str]:
    """Return the names of the generated tables on a page."""
    return [found["name"] for found in _BLOCK.finditer(text)]


def markdown(rows: Rows) -> str:
    """Return rows as a Markdown table; the first row is the header."""
    head, *body = rows
    lines = [head, ["---"] * len(head), *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> None:
    """Write all generated tables of all pages."""
    for page, tables in PAGES.items():
        file = DOCS / page
        file.write_text(refresh(file.read_text(), tables))


if __name__ == "__main__":
    main()
