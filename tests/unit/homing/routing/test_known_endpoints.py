"""An endpoint that messages name is read once in 30 seconds; a new endpoint is known at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from homing.endpoints.endpoint import Endpoint
from homing.routing import known_endpoints
from homing.routing.known_endpoints import KnownEndpoints
from homing.routing.subscriptions import FRESH_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest


@dataclass
class Table:
    """The endpoints of all senders, by id and URL; it records the reads."""

    urls: dict[str, str]
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def find_many(self, sender_id: str, ids: Sequence[str]) -> dict[str, Endpoint]:
        self.asked.append(tuple(ids))
        return {
            each: Endpoint(sender_id, each, self.urls[each], "", "")
            for each in ids
            if each in self.urls
        }


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def known(table: Any, clock: Any) -> KnownEndpoints:
    return KnownEndpoints(table, clock)


def test_an_endpoint_is_read_again_once_what_is_known_is_thirty_seconds_old() -> None:
    table, clock = Table({"a": "https://one"}), Clock()
    endpoints = known(table, clock)
    endpoints.find("shop", ["a"])
    table.urls["a"] = "https://two"
    clock.now += FRESH_SECONDS - 1
    assert endpoints.find("shop", ["a"])["a"].url == "https://one"
    clock.now += 1
    assert endpoints.find("shop", ["a"])["a"].url == "https://two"
    assert table.asked == [("a",), ("a",)]


def test_only_what_is_not_known_is_read_and_an_endpoint_is_known_once_it_exists() -> None:
    table, clock = Table({"a": "https://one"}), Clock()
    endpoints = known(table, clock)
    assert list(endpoints.find("shop", ["a", "b"])) == ["a"]
    table.urls["b"] = "https://two"
    assert list(endpoints.find("shop", ["a", "b"])) == ["a", "b"]
    assert table.asked == [("a", "b"), ("b",)]


def test_the_endpoint_of_one_sender_is_not_that_of_another() -> None:
    table = Table({"a": "https://one"})
    endpoints = known(table, Clock())
    assert [endpoints.find(each, ["a"])["a"].sender_id for each in ("shop", "crm")] == [
        "shop",
        "crm",
    ]


def test_a_container_keeps_a_limited_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_endpoints, "MAX_KEPT", 2)
    table = Table({each: f"https://{each}" for each in "abc"})
    endpoints = known(table, Clock())
    for each in "abca":
        endpoints.find("shop", [each])
    assert table.asked == [("a",), ("b",), ("c",), ("a",)]
