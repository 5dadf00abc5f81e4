"""Bulk redrives in the console: the preview, the start, the progress, and how to stop one."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from console_fakes import LISTED, FakeActions, FakeCounts, FakeRedrives, token
from console_fakes import client_of as any_client_of

from homing.recovery.bulk_redrive import REDRIVABLE, Phase
from homing.retry.classification import Category

if TYPE_CHECKING:
    from starlette.testclient import TestClient

ONE = replace(LISTED, message_id="order-1")
OTHER = replace(ONE, endpoint_id=None, category=Category.SERVER_ERROR, reason="HTTP 503")
ASKED = {"senderId": "default", "category": "GONE"}


def client_of(actions: FakeActions | None, redrives: FakeRedrives | None = None) -> TestClient:
    """Return a client of a console whose counts are those of the deliveries to redrive."""
    redrives = redrives or FakeRedrives()
    return any_client_of(actions, redrives=redrives, counts=FakeCounts(redrives.found))


@pytest.fixture
def redrives() -> FakeRedrives:
    return FakeRedrives([ONE, ONE, OTHER])


def form_of(text: str) -> dict[str, str]:
    """Return what the form on a page would send."""
    (form,) = re.findall(r'<form method="post" action="/redrives">.*?</form>', text, re.DOTALL)
    return dict(re.findall(r'name="([^"]+)" value="([^"]*)"', form))


def test_the_dry_run_names_endpoints_and_counts_and_sends_nothing(redrives: FakeRedrives) -> None:
    text = client_of(FakeActions(), redrives=redrives).get("/redrives/new", params=ASKED).text
    assert "Send again: 3 messages?" in text
    table = re.findall(r'<th scope="row">(.*?)</td>', text, re.DOTALL)
    counts = [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in table]
    assert counts == [
        "old-shop default https://example.com/hooks 2",
        "https://example.com/?a=1&amp;b=2 default 1",
    ]
    assert "The endpoint is disabled: they would fail again" in text
    assert redrives.begun == {}


def test_what_was_shown_is_redriven_and_nothing_that_fails_later(redrives: FakeRedrives) -> None:
    client = client_of(FakeActions(), redrives=redrives)
    form = form_of(client.get("/redrives/new", params=ASKED).text)
    assert (form["senderId"], form["category"]) == ("default", "GONE")
    answer = client.post("/redrives", data={**form, "ratePerSecond": "2.5"})
    (begun,) = redrives.begun.values()
    assert answer.url.path == f"/redrives/{begun.redrive_id}"
    assert (begun.rate, begun.matched, begun.wanted.statuses) == (2.5, 3, REDRIVABLE)
    assert (begun.wanted.sender_id, begun.wanted.category) == ("default", Category.GONE)
    assert begun.wanted.before == form["before"]
    client.post("/redrives", data={**form, "ratePerSecond": "2.5"})
    assert len(redrives.begun) == 1


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"ratePerSecond": "0"}, "the rate must be a number from 0.1 to 100"),
        ({"ratePerSecond": "many"}, "the rate must be a number from 0.1 to 100"),
        ({"ratePerSecond": "nan"}, "the rate must be a number from 0.1 to 100"),
        ({"since": "yesterday"}, "since is not a valid"),
        ({"redriveId": "a/b"}, "the form names no bulk redrive"),
    ],
)
def test_a_wrong_form_begins_nothing(
    redrives: FakeRedrives, wrong: dict[str, str], complaint: str
) -> None:
    client = client_of(FakeActions(), redrives=redrives)
    form = form_of(client.get("/redrives/new", params=ASKED).text)
    answer = client.post("/redrives", data={**form, **wrong})
    assert answer.status_code == 400
    assert complaint in answer.text
    assert redrives.begun == {}


def test_a_rate_that_takes_longer_than_a_day_is_refused() -> None:
    redrives = FakeRedrives([ONE] * 9000)
    client = client_of(FakeActions(), redrives=redrives)
    form = form_of(client.get("/redrives/new").text)
    answer = client.post("/redrives", data={**form, "ratePerSecond": "0.1"})
    assert "0.1 a second would take longer than 24 hours" in answer.text
    assert redrives.begun == {}


def test_a_console_that_only_reads_shows_the_command_instead(redrives: FakeRedrives) -> None:
    client = client_of(None, redrives=redrives)
    text = client.get("/redrives/new", params={"reason": "a b", **ASKED}).text
    command = "--category GONE --sender default --reason &#39;a b&#39;"
    assert f"homing dead-letters redrive {command}" in text
    assert "<form method" not in text
    assert "homing dead-letters redrive --all" in client.get("/redrives/new").text
    form = {"csrf": token(client), "redriveId": "r", "ratePerSecond": "1"}
    assert client.post("/redrives", data=form).status_code == 403
    assert client.post("/redrives/r/stop", data=form).status_code == 403
    assert redrives.begun == {}


def test_nothing_that_matches_is_said() -> None:
    text = client_of(FakeActions(), redrives=FakeRedrives([])).get("/redrives/new").text
    assert "Nothing to send again" in text
    assert "<form method" not in text


def test_while_the_dry_run_counts_nothing_can_be_sent_and_it_asks_again() -> None:
    client = any_client_of(FakeActions(), counts=FakeCounts(None))
    text = client.get("/redrives/new?senderId=crm").text
    assert "<h1>Counting…</h1>" in text
    assert 'hx-get="/redrives/new?senderId=crm" hx-trigger="every 1s"' in text
    assert "<form method" not in text
    assert "No dead letter matches" not in text


def begun(redrives: FakeRedrives, **fields: Any) -> str:
    """Begin a bulk redrive of ten, and return the address of its page."""
    client = client_of(FakeActions(), redrives=redrives)
    form = form_of(client.get("/redrives/new", params=ASKED).text)
    client.post("/redrives", data=form)
    (redrive_id,) = redrives.begun
    redrives.begun[redrive_id] = replace(redrives.begun[redrive_id], matched=10, **fields)
    return f"/redrives/{redrive_id}"


@pytest.mark.parametrize(
    ("fields", "said", "goes_on"),
    [
        ({"redriven": 4, "delivered": 1}, "Sending: 4 of 10 sent again, 1 delivered.", True),
        (
            {"redriven": 4, "is_stopped": True},
            "Stopping: 4 of 10 sent again, 0 delivered.",
            True,
        ),
        (
            {"redriven": 10, "delivered": 7, "failed": 1, "phase": Phase.FOLLOWING},
            "10 of 10 are sent again; 2 have not ended yet.",
            True,
        ),
        (
            {"redriven": 10, "delivered": 9, "failed": 1, "phase": Phase.FOLLOWING},
            "Done: 9 of 10 delivered.",
            False,
        ),
        (
            {"redriven": 4, "delivered": 4, "is_stopped": True, "phase": Phase.ENDED},
            "Stopped: 4 of 10 delivered.",
            False,
        ),
    ],
)
def test_its_page_counts_until_all_have_arrived_or_failed_again(
    redrives: FakeRedrives, fields: dict[str, Any], said: str, goes_on: bool
) -> None:
    text = client_of(None, redrives=redrives).get(begun(redrives, **fields)).text
    assert f'<p role="status"><strong>{said}</strong></p>' in text
    assert ("every 1s" in text) is goes_on


def test_it_can_be_stopped_while_it_redrives(redrives: FakeRedrives) -> None:
    path, client = begun(redrives), client_of(FakeActions(), redrives=redrives)
    assert "Stop</button>" in client.get(path).text
    answer = client.post(f"{path}/stop", data={"csrf": token(client)})
    assert answer.url.path == path
    assert "Stopping" in answer.text
    assert "Stop</button>" not in answer.text
    assert client.post("/redrives/none/stop", data={"csrf": token(client)}).status_code == 404


def test_what_failed_again_is_a_list(redrives: FakeRedrives) -> None:
    path = begun(redrives, redriven=10, failed=10)
    text = client_of(None, redrives=redrives).get(path).text
    started_at = next(iter(redrives.begun.values())).started_at.replace(":", "%3A")
    address = f"/dead-letters?senderId=default&amp;category=GONE&amp;since={started_at}"
    assert f'href="{address}"' in text


def test_the_newest_bulk_redrives_are_listed(redrives: FakeRedrives) -> None:
    path = begun(redrives, redriven=4, delivered=3, is_stopped=True)
    text = client_of(None, redrives=redrives).get("/redrives").text
    assert f'href="{path}"' in text
    assert "4 of 10" in text
    assert "stopped" in text
    assert "No bulk redrive" in client_of(None).get("/redrives").text
