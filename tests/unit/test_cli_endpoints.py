"""`homing endpoints` at an API that is played: what it adds to the answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from homing.sending.addressees import REMEMBERED
from workbench import cli, cli_endpoints

if TYPE_CHECKING:
    from typer.testing import Result

BARE: dict[str, Any] = {"url": "https://example.com/", "enabled": True}


class FakeApi:
    """Has two endpoints, one of them with a limit, and answers every change with the endpoint."""

    def __init__(self, target: object) -> None:
        self.known = {
            "free": {"endpointId": "free", **BARE},
            "tight": {"endpointId": "tight", **BARE, "attemptsAtOnce": 5},
        }

    def endpoints(
        self, method: str, path: str, body: Any, sender: str | None, **query: str
    ) -> dict[str, Any]:
        if not path:
            return {"endpoints": list(self.known.values())}
        return {"endpointId": path[1:], **BARE, **self.known.get(path[1:], {}), **(body or {})}


@pytest.fixture(autouse=True)
def api(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_endpoints, "ApiClient", FakeApi)
    monkeypatch.setattr(cli_endpoints, "find_target", lambda *_: None)
    monkeypatch.delenv("HOMING_STACK", raising=False)


def endpoints(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, ["endpoints", *arguments])


@pytest.mark.parametrize(
    ("endpoint", "limit", "told"), [("free", 0, "attemptsAtOnce 0: no limit\n"), ("tight", 5, "")]
)
def test_an_endpoint_shows_how_many_attempts_it_allows_at_once_and_whether_that_is_a_limit(
    endpoint: str, limit: int, told: str
) -> None:
    done = endpoints("show", endpoint)
    assert (json.loads(done.stdout)["attemptsAtOnce"], done.stderr) == (limit, told)


def test_the_list_tells_of_each_how_many_attempts_it_allows_at_once() -> None:
    free, tight = endpoints("list").stdout.splitlines()[-3:-1]
    assert "no limit" in free
    assert "│ 5 " in tight


@pytest.mark.parametrize(
    ("endpoint", "options", "told"),
    [
        ("free", ["--disable"], "disabled; takes effect within a minute\n"),
        ("free", ["--enable"], "enabled; takes effect within a minute\n"),
        ("free", ["--description", "x"], ""),
        ("new", ["--url", "https://example.com/", "--disable"], ""),
    ],
)
def test_who_switches_an_endpoint_off_or_on_is_told_when_it_takes_effect(
    endpoint: str, options: list[str], told: str
) -> None:
    done = endpoints("set", endpoint, *options)
    assert (done.exit_code, done.stderr) == (0, told)
    assert json.loads(done.stdout)["endpointId"] == endpoint
    assert REMEMBERED.total_seconds() <= 60
