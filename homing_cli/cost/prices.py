"""The prices of AWS and of alternatives, `data/prices.json`, each with its source and date."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

from homing_cli.errors import CommandError

_FILE = Path(__file__).with_name("data") / "prices.json"


class UnknownRegionError(CommandError):
    """Raised when the price table does not contain a region."""


@dataclass(frozen=True, slots=True)
class Price:
    """A unit price.

    Args:
        usd: US dollars.
        per: the number of units that it pays for (a million requests, one GB-second).
        source: the page with the price, and its date.
    """

    usd: float
    per: int
    source: str

    def of(self, quantity: float) -> float:
        """Return the price of a quantity, in dollars."""
        return quantity / self.per * self.usd


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another service that sends webhooks.

    Args:
        name: its name and plan.
        kind: `hosted sender` or `AWS`.
        monthly: US dollars a month, independent of the volume; None if no price is published.
        per_million: US dollars per million messages; None if no price is published.
        included: the number of free messages a month.
        what: what the price contains, and what it does not.
        source: the page with the price.
        date: the date of the price.
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
        """Return the price of this many messages a month, in dollars; None if none is published."""
        if self.monthly is None or self.per_million is None:
            return None
        return self.monthly + max(messages - self.included, 0) / 1_000_000 * self.per_million

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Build the alternative from an entry of `alternatives` in the price table."""
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
    """Return a region's prices by name, such as `dynamodb.writeUnits`.

    Raises:
        UnknownRegionError: when there are no prices for the region.
    """
    document = _document()
    if region not in document["regions"]:
        known = ", ".join(regions())
        raise UnknownRegionError(f"no checked prices for {region}, only for {known}")
    sources = {name: f"{one['title']}, {one['date']}" for name, one in document["sources"].items()}
    return {
        name: Price(usd, document["per"][name], sources[source])
        for name, (usd, source) in document["regions"][region].items()
    }


def regions() -> tuple[str, ...]:
    """Return the regions whose prices have been checked."""
    return tuple(_document()["regions"])


def alternatives() -> tuple[Alternative, ...]:
    """Return the alternatives to Homing, with their prices."""
    return tuple(Alternative.from_document(one) for one in _document()["alternatives"])


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(_FILE.read_text())
    return document
