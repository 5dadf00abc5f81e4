"""Compiles the JSON templates of definitions, in which strings like `{% … %}` are expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulation.errors import UnsupportedError
from simulation.workflow.expressions import MISSING, Evaluate, QueryError, compile_expression

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OPEN, _CLOSE = "{%", "%}"


def compile_template(template: Any) -> Evaluate:
    """Compile a template to a function that is called with `$states` and returns a JSON value.

    As in Step Functions, the compiled function fails if an expression has no value: it raises
    `QueryError`.

    Raises:
        UnsupportedError: when an expression uses a feature that is not implemented.
    """
    match template:
        case str() if _OPEN in template or _CLOSE in template:
            return _expression(template)
        case dict():
            return _object({name: compile_template(value) for name, value in template.items()})
        case list():
            items = [compile_template(item) for item in template]
            return lambda states: [item(states) for item in items]
        case _:
            return lambda _: template


def expressions_in(template: Any) -> Iterator[str]:
    """Yield the source of every expression in a template."""
    match template:
        case str() if template.startswith(_OPEN):
            yield _source_of(template)
        case dict():
            for value in template.values():
                yield from expressions_in(value)
        case list():
            for item in template:
                yield from expressions_in(item)
        case _:
            pass


def _source_of(text: str) -> str:
    if not (text.startswith(_OPEN) and text.endswith(_CLOSE)):
        raise UnsupportedError(f"an expression within a text: {text}")
    return text[len(_OPEN) : -len(_CLOSE)].strip()


def _expression(text: str) -> Evaluate:
    source = _source_of(text)
    evaluate = compile_expression(source)

    def value_of(states: Mapping[str, Any]) -> Any:
        value = evaluate(states)
        if value is MISSING:
            raise QueryError(f"{source} has no value")
        return value

    return value_of


def _object(members: dict[str, Evaluate]) -> Evaluate:
    pairs = tuple(members.items())
    return lambda states: {name: value(states) for name, value in pairs}
