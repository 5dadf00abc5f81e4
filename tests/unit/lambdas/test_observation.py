"""Text from senders and endpoints cannot fill the logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lambdas import authorize
from lambdas.observation import log_message, logger

if TYPE_CHECKING:
    from collections.abc import Callable

    Logged = Callable[[], list[dict[str, Any]]]

ENOUGH = 6000  # the limit of a line in characters, with what Powertools adds
LONG = "x" * 7000


@pytest.mark.parametrize(
    "written",
    [
        LONG,
        [LONG] * 480_000,
        tuple(str(number) for number in range(480_000)),
        {LONG + str(number): LONG for number in range(1000)},
        {"nested": {"further": [LONG]}},
    ],
    ids=["text", "long texts", "many texts", "many members", "nested"],
)
def test_a_line_is_short_whatever_a_stranger_has_written(written: Any, logged: Logged) -> None:
    log_message("message.rejected", "MessageRejected", fields=written)
    (line,) = logged()
    assert line["message"] == "message.rejected"
    assert line["MessageRejected"] == [1.0]
    assert len(str(line)) < ENOUGH


@pytest.mark.parametrize(
    "written", ["https://example.com/" + "p" * 979, "é" * 200, ["a", "b"], {"a": 1}, 7, None]
)
def test_what_is_as_it_should_be_is_logged_whole(written: Any, logged: Logged) -> None:
    logger.info("event", written=written)
    (line,) = logged()
    assert line.get("written") == written


def test_a_text_that_is_cut_says_so_and_how_long_it_was(logged: Logged) -> None:
    logger.info("event", messageId=LONG, fields=["a"] * 25)
    (line,) = logged()
    assert line["messageId"] == "x" * 1024 + "… (7000 characters)"
    assert line["fields"] == ["a"] * 20 + ["… and 5 more"]


def test_an_exception_that_quotes_a_request_is_cut_and_keeps_its_frames(logged: Logged) -> None:
    def fail() -> None:
        raise ValueError("x" * 1_000_000)

    try:
        fail()
    except ValueError:
        logger.exception("event")
    (line,) = logged()
    length = len(str(line))
    assert length < 4 * 8192
    assert line["exception"].startswith("Traceback")
    assert line["stack_trace"]["frames"][0]["function"] == (
        "test_an_exception_that_quotes_a_request_is_cut_and_keeps_its_frames"
    )
    assert line["stack_trace"]["value"].endswith("… (1000000 characters)")


@pytest.mark.parametrize("path", ["/v1/messages/" + LONG, "/" + LONG])
def test_the_refusal_of_a_key_names_the_route_and_not_the_path(path: str, logged: Logged) -> None:
    event = {
        "identitySource": ["nonsense"],
        "routeKey": "GET /v1/messages/{messageId}",
        "rawPath": path,
    }
    assert authorize.handler(event, None) == {"isAuthorized": False}
    (line,) = logged()
    assert line["route"] == "GET /v1/messages/{messageId}"
    assert "xxx" not in str(line)


def test_an_event_with_metrics_has_the_fields_of_any_other(
    logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAMBDA_TASK_ROOT", "/var/task")  # from where Powertools reads the trace
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53")
    logger.info("event", written="x", absent=None)
    log_message("event", "Counted", written="x", absent=None)
    plain, counted = logged()
    assert plain["timestamp"][:10] == counted.pop("timestamp")[:10]
    assert counted.pop("_aws")["CloudWatchMetrics"][0]["Metrics"][0]["Name"] == "Counted"
    assert counted.pop("Counted") == [1.0]
    assert counted.pop("xray_trace_id") == "1-5759e988-bd862e3fe1be46a994272793"
    assert counted == {name: plain[name] for name in counted}
    assert set(plain) - set(counted) == {"timestamp", "xray_trace_id"}


@pytest.mark.parametrize(("level", "events"), [("INFO", 2), ("WARNING", 1), ("CRITICAL", 0)])
def test_an_event_with_metrics_is_written_from_its_level_on(
    level: str, events: int, logged: Logged
) -> None:
    before = logger.log_level
    logger.setLevel(level)
    try:
        log_message("message.accepted", "MessageAccepted")
        log_message("message.failed", "MessageFailed", is_fault=True)
    finally:
        logger.setLevel(before)
    assert len(logged()) == events
