"""Rendering of templates, and the functions that every template can use."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from homing.delivery import Reference
from homing.json_text import JsonText, dump
from homing.ledger.delivery_filter import LISTED
from homing.ledger.record import WAITING
from homing.timestamps import to_text
from homing_cli.console.actions.chosen import Chosen
from homing_cli.console.rendering import wording

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

_TEXT_SHOWN = 20_000


class View:
    """Renders the console's templates.

    Args:
        facts: the values that every page needs: `place` (which Homing it shows) and `may_act`
            (whether actions are allowed).
    """

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._environment = Environment(
            loader=PackageLoader("homing_cli.console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(facts)
        self._environment.globals.update(
            status_words=wording.status_words,
            explanation=wording.explanation,
            waiting_statuses=",".join(status for status in LISTED if status in WAITING),
        )
        self._environment.filters.update(
            span=wording.span_words,
            clock=wording.clock_words,
            ago=wording.ago_words,
            time_of_day=lambda instant: f"{instant:%H:%M:%S}",
            number=wording.number_words,
            percent=wording.percent_words,
            rate=wording.rate_words,
            iso=to_text,
            compact=lambda value: json.dumps(value, ensure_ascii=False, default=str),
            category=wording.category_words,
            pretty=pretty,
            ids=lambda record: Chosen.of(Reference.from_document(record)).to_text(),
            reference_ids=lambda reference: Chosen.of(reference).to_text(),
        )

    def page(
        self, request: Request, template: str, status_code: int = 200, **context: Any
    ) -> HTMLResponse:
        """Return a page from a template."""
        text = self._environment.get_template(template).render(
            **context,
            now=datetime.now(UTC),
            nonce=request.state.nonce,
            token=request.state.token,
            path=request.url.path,
            query=dict(request.query_params),
        )
        return HTMLResponse(text, status_code)


def pretty(value: Any) -> str:
    """Return a value as indented JSON, or unchanged if it is not JSON; very long text is truncated.

    Numbers in a JSON text keep all their digits.
    """
    if not isinstance(value, str):
        return _cut(json.dumps(value, indent=2, ensure_ascii=False, default=str))
    try:
        read = json.loads(value, parse_float=JsonText, parse_int=JsonText)
    except (ValueError, RecursionError):
        return _cut(value)
    return _cut(dump(read, indent=2, ensure_ascii=False))


def _cut(text: str) -> str:
    if len(text) <= _TEXT_SHOWN:
        return text
    return f"{text[:_TEXT_SHOWN]}\n… {len(text) - _TEXT_SHOWN} characters more"
