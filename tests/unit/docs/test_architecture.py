"""docs/architecture.md shows the input and output of every state; the handlers agree with it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from homing.delivery import Delivery
from homing.retry.outcome import Outcome
from lambdas import classify, compute_backoff, deliver, record_retry

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
DEFINITION = json.loads((ROOT / "statemachine" / "delivery.asl.json").read_text())
HANDLERS = {
    "Deliver": deliver.handler,
    "Classify": classify.handler,
    "ComputeBackoff": compute_backoff.handler,
    "RecordRetry": record_retry.handler,
}
CLAIM = {
    "executionName": "{% $states.context.Execution.Name %}",
    **{name: f"{{% $states.input.{name} %}}" for name in ("generation", "dueAt", "expiresAt")},
    "slot": "{% $exists($states.input.slot) ? $states.input.slot : null %}",
    "isRefused": "{% $states.input.record.result = 'SUPERSEDED' %}",
}
FROM_CONTEXT = {"claim": CLAIM, "executionName": "{% $states.context.Execution.Name %}"}


def section(title: str) -> str:
    """Return the text from a heading to the next one."""
    _, _, rest = PAGE.partition(f"\n{title}\n")
    return re.split(r"\n##+ ", rest)[0]


def example(title: str) -> dict[str, Any]:
    (block,) = re.findall(r"```json\n(.*?)```", section(title), re.DOTALL)
    document: dict[str, Any] = json.loads(block)
    return document


DOCUMENT = example("## The delivery document")


def documented_input(state: str) -> list[str]:
    (names,) = re.findall(r"Input: (.*?)\.\s", section(f"### {state}"), re.DOTALL)
    return re.findall(r"`(\w+)`", names)


def event(state: str) -> dict[str, Any]:
    """Return the input of a state, made from the page's examples of the states before it."""
    results = {
        "outcome": example("### Deliver"),
        "verdict": example("### Classify"),
        "backoff": example("### ComputeBackoff"),
    }
    known = {**DOCUMENT, **results}  # no document contains the claim: the definition makes it
    known = {"executionName": "e-1", **known}  # part of the context, not of the document
    return {name: known[name] for name in documented_input(state) if name != "claim"}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, ledger_table: Any) -> Iterator[None]:
    monkeypatch.setenv("RETENTION_DAYS", "30")
    monkeypatch.setenv("LEDGER_TABLE", ledger_table.name)
    monkeypatch.setenv("LINES_TABLE", "lines")
    monkeypatch.setenv("PLACES_TABLE", "places")
    caches = (compute_backoff._settings, record_retry._ledger)
    for cache in caches:
        cache.cache_clear()  # the test starts with a new container
    yield
    for cache in caches:
        cache.cache_clear()


class Chance:
    """A random source that draws the numbers in the page's examples."""

    def random(self) -> float:
        return 0.25


class Endpoint:
    """A deliverer whose endpoint responds as on the page."""

    def deliver(self, *_: Any, **__: Any) -> Outcome:
        return Outcome.from_document(example("### Deliver"))


def test_the_delivery_document_is_what_a_delivery_writes() -> None:
    assert Delivery.from_document(DOCUMENT).to_document() == DOCUMENT


@pytest.mark.parametrize("state", HANDLERS)
def test_the_definition_selects_the_documented_input(state: str) -> None:
    payload = DEFINITION["States"][state]["Arguments"]["Payload"]
    assert list(payload) == documented_input(state)
    for name, expression in payload.items():
        assert expression == FROM_CONTEXT.get(name, f"{{% $states.input.{name} %}}")


@pytest.mark.parametrize("state", HANDLERS)
def test_the_handler_returns_the_documented_output(
    state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compute_backoff, "_chance", Chance())
    monkeypatch.setattr(deliver, "_deliverer", Endpoint)
    documented, given = example(f"### {state}"), HANDLERS[state](event(state), None)
    if state == "RecordRetry":
        assert given.pop("reason")
        assert documented.pop("reason")
    assert given == documented


def test_every_state_of_the_definition_is_on_the_page() -> None:
    for state in DEFINITION["States"]:
        assert state in PAGE
