"""docs/client.md: its examples work as they are, and its figures are those of the code."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from in_process_api import in_process_api, served

from homing import client
from homing.client import CallError, ResponseError, Retrying
from homing.client.fields import _NAMES
from homing.client.retrying import pause_before_next

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (Path(__file__).parents[3] / "docs" / "client.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A deployed Homing that the examples find by its stack, its URLs and a key."""
    with in_process_api() as apis, served(apis(None)) as url:
        for name in ("SENDER_API_URL", "MESSAGES_URL"):
            monkeypatch.setenv(name, url)
        monkeypatch.setenv("HOMING_KEY", "hmg_x")
        outputs = {"ApiUrl": url, "MessagesUrl": url}
        monkeypatch.setattr("homing.client.homing.stack_outputs", lambda *_: outputs)
        homing = client.Homing(url, api_key="hmg_x")
        homing.request("PUT", "/v1/endpoints/orders", b'{"url": "https://example.com/orders"}')
        yield


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_each_example_runs_as_it_stands(
    deployed: None, example: str, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, object] = {}
    exec(compile(example, "docs/client.md", "exec"), names)  # noqa: S102 -- our own page
    if "handler" in names:
        event = {"id": "e-1", "detail": {"total": 110}}
        assert names["handler"](event, None) == "e-1"  # type: ignore[operator]
    printed = capsys.readouterr().out
    expected = {
        "accepted.duplicate": "False\n",
        "not isinstance": "[]\n",
        "homing.redrive(": "UNDER_WAY",
    }
    for code, output in expected.items():
        assert code not in example or output in printed
    assert names.get("outbox", []) == []


def test_the_page_has_an_example_of_each_call() -> None:
    for call in ("send(", "send_batch(", "message(", "redrive(", "from_stack(", "RawJson("):
        assert any(call in example for example in EXAMPLES)


def test_every_error_is_in_the_table() -> None:
    exported = {name: getattr(client, name) for name in client.__all__}
    errors = {
        name
        for name, each in exported.items()
        if isinstance(each, type) and issubclass(each, CallError)
    }
    assert set(re.findall(r"^\| `(\w+Error)` \|", PAGE, re.MULTILINE)) == errors - {
        CallError.__name__,
        ResponseError.__name__,
    }


def test_every_field_is_named() -> None:
    named = PAGE.split("in snake case:")[1].split(".")[0]
    assert set(re.findall(r"`(\w+)`", named)) == set(_NAMES)


def test_the_limits_and_the_formula_are_those_of_the_code() -> None:
    limits = {each.name: each.default for each in fields(Retrying)}
    assert f"waits {limits['timeout']} seconds" in PAGE
    assert f"later than {limits['give_up_after']} seconds" in PAGE
    formula = re.search(r"Retry-After \+ draw \* min\((.*) s, (.*) s \* 2 \*\* \(n - 1\)\)", PAGE)
    assert formula
    longest, first = map(float, formula.groups())
    for tries in range(1, 12):
        pause = pause_before_next(tries, draw=0.5, retry_after=3)
        assert pause == 3 + 0.5 * min(longest, first * 2 ** (tries - 1))
