"""Faster replacements of slow parts of the emulator, with the same behaviour."""

from __future__ import annotations

import functools

# The emulator and its JSONata have no types.
from jsonata.parser import Parser  # type: ignore[import-untyped]
from jsonata.regex_engine import default_regex_engine  # type: ignore[import-untyped]
from ministack.services import stepfunctions  # type: ignore[import-untyped]

# How long the emulator waits before the first state of each execution, in seconds. AWS does not
# wait.
PAUSE = 0.15
_EXPRESSIONS = 4096


def install() -> None:
    """Make executions start immediately, and parse each JSONata expression only once."""
    code = stepfunctions._run_execution.__code__  # noqa: SLF001 -- there is no setting for it
    constants = tuple(0 if constant == PAUSE else constant for constant in code.co_consts)
    stepfunctions._run_execution.__code__ = code.replace(co_consts=constants)  # noqa: SLF001 -- as above
    parse = Parser.parse

    @functools.lru_cache(_EXPRESSIONS)
    def parsed(source: str, regex_engine: object) -> object:
        return parse(Parser(), source, regex_engine)

    def parse_once(_: Parser, source: str, regex_engine: object = default_regex_engine) -> object:
        return parsed(source, regex_engine)

    Parser.parse = parse_once
