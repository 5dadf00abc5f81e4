"""The overview and the lists of deliveries and dead letters, as pages without a browser."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from html import unescape
from typing import Any

import pytest
from console_fakes import LISTED, FakeActions, FakeCounts, FakeLists, client_of

from homing.ledger.delivery_filter import LISTED as LISTED_STATUSES
from homing.recovery.bulk_redrive import REDRIVABLE
from homing.retry.classification import Category, Status
from homing_cli.console.figures.standing import Standing

PLAIN = replace(LISTED, message_id="order-1")
WAITING = replace(PLAIN, status=Status.RETRY_SCHEDULED, category=Category.TIMEOUT)
OURS = replace(PLAIN, category=Category.INTERNAL_ERROR, reason="out of memory")
COMMAS = "QUEUED,RETRY_SCHEDULED"


@dataclass
class FakeStanding:
    """The state of queues, which are empty except for what a test sets."""

    undispatched: int = 0
    unaccepted: int = 0

    def ask(self) -> Standing:
        return Standing(0, 0, 0, self.undispatched, self.unaccepted, 0.0)


@dataclass
class NoAttempts:
    """The log of a local cloud without attempts."""

    asked: list[Any] = field(default_factory=list)

    def fetch(self, now: Any) -> None:
        self.asked.append(now)

    def since(self, start: Any) -> list[Any]:
        return []


class LocalTarget:
    """A local cloud."""

    endpoint = "http://127.0.0.1:1"


def overview(found: Any, standing: FakeStanding | None = None) -> str:
    client = client_of(
        FakeActions(),
        counts=FakeCounts(found),
        standing=standing or FakeStanding(),
        attempts=NoAttempts(),
        target=LocalTarget(),
    )
    answer = client.get("/")
    assert answer.status_code == 200
    return answer.text


def rows(text: str) -> list[str]:
    """Return the rows of the tables on a page, without markup."""
    found = re.findall(r"<tr>(.*?)</tr>", text.split("<tbody>", 1)[-1], re.DOTALL)
    return [" ".join(unescape(re.sub(r"<[^>]+>", " ", row)).split()) for row in found]


def links(text: str) -> set[str]:
    return {unescape(each) for each in re.findall(r'href="([^"]+)"', text)}


def test_the_overview_says_what_is_wrong_by_endpoint_and_cause_and_leads_on() -> None:
    text = overview([PLAIN, PLAIN, WAITING])
    gone, timeout = rows(text)[:2]
    assert gone.startswith("old-shop default Gone , theirs: The endpoint says that it is gone")
    assert "The endpoint is disabled : it answered 410." in gone
    assert gone.endswith("0 2 Send again all 2…")
    assert timeout.startswith("old-shop default Timeout , theirs")
    assert timeout.endswith("1 0")
    cause = "senderId=default&endpointId=old-shop&category="
    assert {
        f"/deliveries?{cause}GONE",
        f"/dead-letters?{cause}GONE",
        f"/redrives/new?{cause}GONE",
        f"/deliveries?status={COMMAS}&{cause}TIMEOUT",
    } <= links(text)
    assert "2 dead-lettered, 1 waiting" in text


def test_our_own_faults_are_apart_with_what_to_run() -> None:
    text = overview([PLAIN, OURS], FakeStanding(undispatched=2, unaccepted=1))
    theirs, ours = text.split('<h2 id="ours">')
    assert "Internal error" not in theirs
    assert "Internal error</span>, ours" in ours
    assert "2 accepted messages could not be dispatched" in ours
    assert "1 message of ingest queues could not be accepted" in ours
    assert "Homing's own faults" not in overview([PLAIN])


def test_where_nothing_is_wrong_the_overview_says_so_and_while_it_counts_that_it_does() -> None:
    assert "Nothing: no delivery has failed" in overview([])
    text = overview(None)
    assert "Counting waiting" in text
    assert 'hx-trigger="every 1s"' in text


def test_a_list_shows_each_delivery_in_the_words_of_the_api() -> None:
    client = client_of(None, pages=FakeLists((replace(PLAIN, event_type="order.paid"),)))
    (row,) = rows(client.get("/deliveries").text)
    assert row.startswith(
        "order-1 order.paid ✕ Failed old-shop https://example.com/?a=1&b=2 Gone HTTP 410 1 "
    )


@pytest.mark.parametrize(
    ("path", "statuses"),
    [
        ("/deliveries", LISTED_STATUSES),
        ("/deliveries?status=&category=&since=", LISTED_STATUSES),
        (f"/deliveries?status={COMMAS}", (Status.QUEUED, Status.RETRY_SCHEDULED)),
        ("/dead-letters", REDRIVABLE),
    ],
)
def test_each_list_has_its_statuses(path: str, statuses: tuple[Status, ...]) -> None:
    lists = FakeLists()
    assert client_of(None, pages=lists).get(path).status_code == 200
    assert lists.asked[0].statuses == statuses


def test_what_has_arrived_comes_from_the_ledger_and_is_not_counted() -> None:
    lists, delivered = FakeLists(), FakeLists()
    client = client_of(None, pages=lists, delivered=delivered, counts=None)
    text = client.get("/deliveries?status=DELIVERED").text
    assert (len(lists.asked), len(delivered.asked)) == (0, 1)
    assert "1 shown, there may be more; read from the ledger itself" in text


def test_the_next_page_keeps_the_filters_and_stands_still() -> None:
    client = client_of(None)
    text = client.get("/deliveries?status=FAILED&senderId=crm").text
    following = re.findall(r'rel="next" href="([^"]+)"', text)[0]
    assert following.startswith("/deliveries?status=FAILED&amp;senderId=crm&amp;after=")
    assert "data-refresh" in text
    assert "data-refresh" not in client.get(unescape(following)).text


def test_a_list_counts_all_that_match_and_offers_to_send_the_dead_letters_again() -> None:
    found = [PLAIN, PLAIN, WAITING]
    text = client_of(None, counts=FakeCounts(found)).get("/deliveries?senderId=default").text
    assert "3 match, 1 shown, the latest first" in text
    form = text.split('action="/redrives/new"')[1].split("</form>")[0]
    assert 'name="senderId" value="default"' in form
    assert "Send again all 2 that match…" in form
    waiting = client_of(None, counts=FakeCounts([WAITING])).get("/deliveries").text
    assert "/redrives/new" not in waiting


def test_a_list_is_grouped_by_endpoint_and_cause() -> None:
    lists = FakeLists()
    client = client_of(None, pages=lists, counts=FakeCounts([PLAIN, PLAIN, WAITING]))
    text = client.get("/deliveries?view=groups&senderId=default").text
    assert [row.split(":")[0] for row in rows(text)] == [
        "old-shop default Gone , theirs",
        "old-shop default Timeout , theirs",
    ]
    assert lists.asked == []
    assert "/deliveries?senderId=default" in links(text)


def test_while_a_count_is_made_the_list_is_there_and_asks_again() -> None:
    text = client_of(None, counts=FakeCounts(None)).get("/deliveries").text
    assert "Counting…" in text
    assert 'hx-trigger="every 1s"' in text
    assert len(rows(text)) == 1


def test_a_list_that_takes_long_says_that_it_is_searched_and_asks_again() -> None:
    client = client_of(None, pages=FakeCounts(None), counts=FakeCounts(None))
    text = client.get("/deliveries?reason=rare&after=WyJhIiwiYiIsImMiXQ").text
    assert "Searching…" in text
    assert 'hx-get="/deliveries?reason=rare&amp;after=WyJhIiwiYiIsImMiXQ"' in text
    assert 'hx-trigger="every 1s"' in text
    assert "Nothing matches" not in text


def test_an_empty_list_says_what_was_searched_and_what_else_to_try() -> None:
    client = client_of(None, pages=FakeLists(()), counts=FakeCounts([]))
    text = client.get("/deliveries?messageId=184&reason=timed").text
    said = " ".join(unescape(re.sub(r"<[^>]+>", "", text)).split())
    assert "Nothing matches. Searched: all deliveries that wait for another attempt" in said
    assert "messageId 184, reason timed" in said
    assert "also give the sender" in said
    assert "/deliveries?messageId=184&reason=timed&status=DELIVERED" in links(text)
    nothing = client.get("/dead-letters").text
    assert "No dead letters." in nothing


def test_a_complete_id_is_found_whatever_became_of_its_message() -> None:
    client = client_of(None, pages=FakeLists(()), counts=FakeCounts([]))
    text = client.get("/deliveries", params={"messageId": LISTED.message_id}).text
    assert "The message with exactly this id" in text
    assert "&lt;script&gt;alert(1)" in text.split("exactly this id")[1]
    assert "exactly this id" not in client.get("/deliveries?messageId=184").text


def test_a_list_of_one_endpoint_says_that_it_is_disabled_and_how_to_enable_it() -> None:
    client = client_of(None)
    text = client.get("/deliveries?endpointId=old-shop&senderId=crm").text
    assert "https://example.com/hooks" in text
    assert "<code>homing endpoints set old-shop --enable --sender crm</code>" in text
    assert "has been disabled since" not in client.get("/deliveries").text


@pytest.mark.parametrize(("actions", "boxes"), [(FakeActions(), 2), (None, 0)])
def test_dead_letters_can_be_chosen_where_actions_are_allowed(
    actions: FakeActions | None, boxes: int
) -> None:
    text = client_of(actions).get("/dead-letters").text
    assert text.count('type="checkbox"') == boxes
    assert ("Discard the chosen ones…" in text) is bool(boxes)


def test_what_is_wrong_with_a_filter_is_said_beside_it() -> None:
    answer = client_of(None).get("/deliveries?since=yesterday&senderId=crm")
    assert answer.status_code == 400
    assert "since is not a valid" in answer.text.split('role="alert">')[1]
    assert 'name="senderId" value="crm"' in answer.text
