"""What AWS and others charge: `data/prices.json`, each price with its source and date."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

from homing_cli.errors import CommandError

_FILE = Path(__file__).with_name("data") / "prices.json"


class UnknownRegionError(CommandError):
    """Raised when the price table has no such region."""


@dataclass(frozen=True, slots=True)
class Price:
    """What something costs.

    Args:
        usd: US dollars.
        per: for how many units of it (a million requests, one GB-second).
        source: where the price stands, and the date for which it was given.
    """

    usd: float
    per: int
    source: str

    def of(self, quantity: float) -> float:
        """Return the dollars that a quantity costs."""
        return quantity / self.per * self.usd


@dataclass(frozen=True, slots=True)
class Alternative:
    """Something else that sends webhooks.

    Args:
        name: what it is called, and which plan.
        kind: `hosted sender` or `AWS`.
        monthly: US dollars a month, whatever the volume; None where no price is published.
        per_million: US dollars per million messages; None as above.
        included: how many messages a month cost nothing.
        what: what the price is made of, and what one does not get.
        source: where the price stands.
        date: for which date.
    """

    name: str
    kind: str
    monthly: float | None
    per_million: float | None
    included: int
    what: str
    source: str
    date: str

    def dollars(self, messages: int) -> float | None:
        """Return what a month's messages cost, None where no price is published."""
        if self.monthly is None or self.per_million is None:
            return None
        return self.monthly + max(messages - self.included, 0) / 1_000_000 * self.per_million

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Read an entry of `alternatives`."""
        return cls(
            name=document["name"],
            kind=document["kind"],
            monthly=document["monthly"],
            per_million=document["perMillion"],
            included=document["included"],
            what=document["what"],
            source=document["url"],
            date=document["date"],
        )


def prices(region: str) -> dict[str, Price]:
    """Return a region's prices by their name, such as `dynamodb.writeUnits`.

    Raises:
        UnknownRegionError: when the table does not have it.
    """
    document = _document()
    if region not in document["regions"]:
        known = ", ".join(regions())
        raise UnknownRegionError(f"no checked prices for {region}; there are {known}")
    sources = {name: f"{one['title']}, {one['date']}" for name, one in document["sources"].items()}
    return {
        name: Price(usd, document["per"][name], sources[source])
        for name, (usd, source) in document["regions"][region].items()
    }


def regions() -> tuple[str, ...]:
    """Name the regions whose prices have been checked."""
    return tuple(_document()["regions"])


def alternatives() -> tuple[Alternative, ...]:
    """Return what else one could use."""
    return tuple(Alternative.from_document(one) for one in _document()["alternatives"])


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(_FILE.read_text())
    return document
