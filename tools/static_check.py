"""Check workflow definitions without running them: `python -m tools.static_check FILE...`.

AWS checks a definition when it is deployed, but the local cloud does not. Here statelint checks the
states and their transitions. Since it ignores JSONata expressions, each of these is parsed too.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

# These two packages have no type annotations.
from jsonata.jexception import JException  # type: ignore[import-untyped]
from jsonata.jsonata import Jsonata  # type: ignore[import-untyped]
from statelint.linter import Linter  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterator

# statelint 3.1.0 mistakes an expression for a literal Timestamp.
_FALSE_ALARM = re.compile(r'\.Timestamp is "\{% .+ %\}" but should be an RFC3339 timestamp$')
_EXPRESSION = re.compile(r"\{%(.*)%\}", re.DOTALL)


def find_problems(definition: dict[str, Any]) -> list[str]:
    """Return the errors of a definition in Amazon States Language, one sentence each."""
    stated = [str(problem) for problem in Linter.validate(definition)]
    problems = [problem for problem in stated if not _FALSE_ALARM.search(problem)]
    return problems + list(_unreadable(definition, "State Machine"))


def _unreadable(value: Any, path: str) -> Iterator[str]:
    match value:
        case dict():
            for key, inner in value.items():
                yield from _unreadable(inner, f"{path}.{key}")
        case list():
            for index, inner in enumerate(value):
                yield from _unreadable(inner, f"{path}[{index}]")
        case str() if expression := _EXPRESSION.fullmatch(value):
            try:
                Jsonata(expression[1])
            except JException as error:
                yield f"{path} is not valid JSONata: {error}"


def check(paths: list[str]) -> None:
    """Print the problems in these files; exit with status 1 if there are any."""
    found = {path: find_problems(json.loads(Path(path).read_text())) for path in paths}
    lines = [f"{path}: {problem}" for path, problems in found.items() for problem in problems]
    if lines:
        sys.exit("\n".join(lines))


if __name__ == "__main__":
    check(sys.argv[1:])
