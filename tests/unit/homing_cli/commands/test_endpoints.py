"""`homing endpoints` with a fake API: what it adds to the responses."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from rich.console import Console
from typer.testing import CliRunner

from homing.json_text import dump
from homing.senders.api_key import ApiKey
from homing.sending.recipients import REMEMBERED
from homing_cli import app
from homing_cli.commands import endpoints, senders
from homing_cli.errors import NotFoundError
from homing_cli.terminal import render

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

BARE: dict[str, Any] = {"url": "https://example.com/", "enabled": True}


class FakeApi:
    """Has two endpoints, one of them with a limit; the response to a change is the endpoint."""

    asked: ClassVar[list[tuple[str, str, Any]]] = []

    def __init__(self, target: object) -> None:
        self.known = {
            "free": {"endpointId": "free", **BARE},
            "tight": {"endpointId": "tight", **BARE, "attemptsAtOnce": 5, "ratePerSecond": 2.5},
        }

    def endpoints(
        self, method: str, path: str, body: Any, sender: str | None, **query: str
    ) -> dict[str, Any]:
        self.asked.append((method, path, body))
        if not path:
            return {"endpoints": list(self.known.values())}
        if method == "GET" and path[1:] not in self.known:
            raise NotFoundError(path)
        return {
            "endpointId": path[1:],
            **BARE,
            **self.known.get(path[1:], {}),
            **json.loads(dump(body or {})),
        }


@pytest.fixture(autouse=True)
def api(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeApi.asked.clear()
    monkeypatch.setattr(endpoints, "ApiClient", FakeApi)
    monkeypatch.setattr("homing_cli.commands.options.find_target", lambda *_: None)
    monkeypatch.delenv("HOMING_STACK", raising=False)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app.app, ["endpoints", *arguments])


@pytest.mark.parametrize(
    ("endpoint", "limits", "told"),
    [
        ("free", (0, 0), "attemptsAtOnce 0: no limit\nratePerSecond 0: no limit\n"),
        ("tight", (5, 2.5), ""),
    ],
)
def test_an_endpoint_shows_its_limits_and_whether_there_are_any(
    endpoint: str, limits: tuple[float, float], told: str
) -> None:
    done = run("show", endpoint)
    shown = json.loads(done.stdout)
    assert ((shown["attemptsAtOnce"], shown["ratePerSecond"]), done.stderr) == (limits, told)


def test_the_list_shows_the_limits_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    free, tight = run("list").stdout.splitlines()[-2:]
    assert free.count("no limit") == 2
    assert " 5 " in tight
    assert " 2.5 " in tight


def test_a_rate_is_set_as_it_is_typed() -> None:
    assert run("set", "free", "--rate-per-second", "0.5").exit_code == 0
    assert FakeApi.asked[-1] == ("PATCH", "/free", {"ratePerSecond": 0.5})


@pytest.mark.parametrize(
    ("endpoint", "options", "told"),
    [
        ("free", ["--disable"], "disabled; this takes effect within a minute\n"),
        ("free", ["--enable"], "enabled; this takes effect within a minute\n"),
        ("free", ["--description", "x"], ""),
        ("new", ["--url", "https://example.com/", "--disable"], ""),
    ],
)
def test_disabling_or_enabling_an_endpoint_prints_when_it_takes_effect(
    endpoint: str, options: list[str], told: str
) -> None:
    done = run("set", endpoint, *options)
    assert (done.exit_code, done.stderr) == (0, told)
    assert json.loads(done.stdout)["endpointId"] == endpoint
    assert REMEMBERED.total_seconds() <= 60


@pytest.mark.parametrize(("endpoint", "method"), [("free", "PATCH"), ("new", "PUT")])
def test_set_looks_the_endpoint_up_by_its_id_and_lists_none(endpoint: str, method: str) -> None:
    """A list of many pages might not show an endpoint that exists, which would then be replaced."""
    run("set", endpoint, "--url", "https://example.com/")
    assert [asked[:2] for asked in FakeApi.asked] == [
        ("GET", f"/{endpoint}"),
        (method, f"/{endpoint}"),
    ]


@pytest.mark.parametrize("command", ["show", "set", "delete", "rotate-secret", "test"])
@pytest.mark.parametrize("impossible", [".", "..", "a/b", "a b", "é", "x" * 129])
def test_an_id_that_no_endpoint_can_have_is_a_usage_error_with_the_rule(
    command: str, impossible: str
) -> None:
    done = run(command, impossible)
    assert (done.exit_code, FakeApi.asked) == (2, [])
    assert "must have 1 to 128 characters" in " ".join(done.stderr.replace("│", "").split())


@pytest.mark.parametrize(
    "options",
    [
        ["--policy", "null"],
        ["--policy", "[]"],
        ["--policy", "1"],
        ["--policy", ""],
        ["--policy", '{"maxAttempts": 3, "maxAttempts": 4}'],
        ["--policy", "[" * 5000],
        ["--header", "X-A: 1", "--header", "X-A: 2"],
        ["--header", "X-A: 1", "--header", "x-a: 2"],
        ["--header", "X-A"],
        ["--header", "X-A: 1", "--no-headers"],
    ],
)
def test_a_value_that_would_be_lost_is_a_usage_error(options: list[str]) -> None:
    done = run("set", "free", *options)
    assert (done.exit_code, FakeApi.asked) == (2, [])


def test_an_empty_policy_clears_the_one_that_there_is() -> None:
    assert run("set", "free", "--policy", "{}").exit_code == 0
    assert FakeApi.asked[-1] == ("PATCH", "/free", {"policy": {}})


def test_an_endpoint_that_moves_can_be_rid_of_its_headers() -> None:
    """The API moves an endpoint to another origin only if the request sets its headers anew."""
    options = ["--url", "https://other.example/", "--no-headers"]
    assert run("set", "free", *options).exit_code == 0
    assert FakeApi.asked[-1][2] == {"url": "https://other.example/", "headers": {}}


class FailingApi(FakeApi):
    def __init__(self, target: object) -> None:
        self.known = {
            f"orders-{number}": {
                "endpointId": f"orders-{number}",
                "url": f"https://hooks.example.com/a/rather/long/path/to/the/receiver?of={number}",
                "enabled": False,
                "failingSince": "2025-12-28T12:00:00.000Z",
                "disabledReason": "answered 410 Gone",
            }
            for number in range(3)
        }


def listed_keys(_: object) -> list[ApiKey]:
    created, revoked = "2025-12-28T12:00:00.000Z", "2025-12-29T12:00:00.000Z"
    return [ApiKey("0123456789abcdef", "a-sender-with-a-long-name", "0" * 64, created, revoked)]


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("command", ["endpoints", "senders"])
def test_a_narrow_terminal_folds_a_list_and_cuts_nothing(
    monkeypatch: pytest.MonkeyPatch, command: str, width: int
) -> None:
    monkeypatch.setattr(endpoints, "ApiClient", FailingApi)
    monkeypatch.setattr("homing_cli.commands.options.find_target", lambda *_: None)
    monkeypatch.setattr(senders.senders, "listed", listed_keys)
    wide = CliRunner().invoke(app.app, [command, "list"]).stdout
    monkeypatch.setattr(render, "console", lambda: Console(width=width, highlight=False))
    narrow = CliRunner().invoke(app.app, [command, "list"]).stdout
    assert max(map(len, narrow.splitlines())) <= width < max(map(len, wide.splitlines()))
    assert sorted(_characters(narrow)) == sorted(_characters(wide))


def _characters(text: str) -> str:
    return re.sub(r"[\s─]", "", text)


@pytest.mark.parametrize("where", ["headers.txt", "-"])
def test_headers_come_from_a_file_or_standard_input(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: str
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "Authorization: Bearer s3cret\n\nx-tenant: acme: eu\n"
    (tmp_path / "headers.txt").write_text(text)
    command = ["endpoints", "set", "free", "--headers-file", where, "--header", "x-a: 1"]
    assert CliRunner().invoke(app.app, command, input=text).exit_code == 0
    headers = {"Authorization": "Bearer s3cret", "x-tenant": "acme: eu", "x-a": "1"}
    assert FakeApi.asked[-1] == ("PATCH", "/free", {"headers": headers})


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"", "contains no header"),
        (b"\n \n", "contains no header"),
        (b"a: b\nBearer s3cret\n", "line 2 is no"),
        (b"a: s3cret\xff\n", "line 1 is not UTF-8"),
        (b"x-a: s3cret" * 10_000, "is longer than 65536 bytes"),
        (b"x-a: s3cret\nX-A: s3cret\n", "is given twice"),
    ],
)
def test_a_file_of_headers_that_cannot_be_meant_is_a_usage_error_without_its_secrets(
    text: bytes, complaint: str
) -> None:
    command = ["endpoints", "set", "free", "--headers-file", "-"]
    done = CliRunner().invoke(app.app, command, input=text, env={"COLUMNS": "300"})
    assert done.exit_code == 2
    assert complaint in done.stderr
    assert "s3cret" not in done.output
    assert FakeApi.asked == []


def test_set_sends_event_types_and_the_filter_as_it_is_written() -> None:
    text = '{"payload": {"total": [3.0e2]}}'
    run("set", "free", "--event-type", "order.*", "--event-type", "a", "--filter", text)
    _, _, body = FakeApi.asked[-1]
    assert dump(body) == f'{{"eventTypes": ["order.*", "a"], "filter": {text}}}'
    done = run("set", "free", "--no-event-types", "--filter", "{}")
    assert done.exit_code == 0, done.output
    assert dump(FakeApi.asked[-1][2]) == '{"eventTypes": [], "filter": {}}'
    both = run("set", "free", "--no-event-types", "--event-type", "a")
    assert (both.exit_code, "--no-event-types cannot" in both.stderr) == (2, True)


@pytest.mark.parametrize("text", ["[1]", "{", '{"payload": NaN}', ""])
def test_a_filter_that_is_no_object_is_a_mistake_in_usage(text: str) -> None:
    done = run("set", "free", "--filter", text)
    assert (done.exit_code, "--filter" in done.stderr) == (2, True)


def test_match_shows_each_endpoint_with_what_keeps_it_from_the_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    why = {"field": "filter.payload.total", "message": "is 5, but must be one of [6]"}
    rows = [
        {"endpointId": "all", "enabled": True, "mismatches": []},
        {"endpointId": "off", "enabled": False, "mismatches": []},
        {"endpointId": "big", "enabled": True, "mismatches": [why]},
    ]
    monkeypatch.setattr(FakeApi, "endpoints", lambda *asked, **_: matched(asked, rows))
    done = run("match", "--event-type", "order.paid", "--payload", '{"total": 1.10}')
    assert done.exit_code == 0
    (row,) = [line for line in done.stdout.splitlines() if "filter.payload.total" in line]
    assert re.match(r" *big +no +filter", row)
    assert re.search("off +yes, but it is disabled", done.stdout)
    _, method, path, body, _ = FakeApi.asked[-1]  # type: ignore[misc]
    assert (method, path) == ("POST", "/match")
    assert '"payload": {"total": 1.10}' in dump(body)
    assert run("match", "--event-type", "a", "--payload", "{").exit_code == 2


def matched(asked: Any, rows: Any) -> Any:
    FakeApi.asked.append(asked)
    return {"endpoints": rows}
