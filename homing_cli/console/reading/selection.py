"""The deliveries that a page lists: the filter of the API, as parameters of the page's URL."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from homing.api.delivery_request import read_list_request
from homing.errors import InvalidMessageError
from homing.ledger.delivery_filter import LISTED, DeliveryFilter
from homing.retry.classification import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homing.ledger.delivery_index import Place
    from homing.retry.classification import Category

FIELDS = (
    *("status", "category", "endpointId", "senderId", "messageId"),
    *("reason", "eventType", "targetUrl", "since", "before"),
)
_AFTER = "after"
_TIMES = ("since", "before")
# The value of an HTML input of type `datetime-local`: it has no zone, and may have no seconds.
_LOCAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?")
_MINUTES = len("2026-01-31T12:00")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which deliveries a page lists.

    Args:
        given: the fields of the filter that are given, by their names in the API.
        wanted: the filter.
        after: the place after which the page begins; None for the first page.
        complaint: what is wrong with a field; empty if nothing is. With a complaint, `wanted`
            matches all deliveries.
    """

    given: Mapping[str, str]
    wanted: DeliveryFilter
    after: Place | None = None
    complaint: str = ""

    @classmethod
    def from_query(cls, query: Mapping[str, str], statuses: tuple[Status, ...] = LISTED) -> Self:
        """Return the selection that the query parameters of a page describe.

        Args:
            query: the parameters.
            statuses: the statuses that the page lists if the parameters name no status.
        """
        names = (*FIELDS, _AFTER)
        given = {name: text for name in names if (text := query.get(name, "").strip())}
        place = given.pop(_AFTER, "")
        asked = {name: _instant(name, text) for name, text in given.items()} | {_AFTER: place}
        sender_id, status = asked.pop("senderId", None), asked.get("status")
        if status == Status.DELIVERED:
            # The API's filter does not allow DELIVERED, since no index lists delivered messages.
            del asked["status"]
        try:
            wanted, after, _ = read_list_request(asked, sender_id)
        except InvalidMessageError as error:
            complaint = "; ".join(f"{each.field} {each.message}" for each in error.errors)
            return cls(given, DeliveryFilter(statuses=statuses), None, complaint)
        if status == Status.DELIVERED:
            wanted = replace(wanted, statuses=(Status.DELIVERED,))
        elif status is None:
            wanted = replace(wanted, statuses=statuses)
        return cls(given, wanted, after)

    @property
    def is_delivered(self) -> bool:
        """Whether the page lists delivered messages, which are in no index."""
        return self.wanted.statuses == (Status.DELIVERED,)

    def shown(self, name: str) -> str:
        """Return the text for a form field; a time is in UTC, in the format of `datetime-local`."""
        text = self.given.get(name, "")
        return text[: _MINUTES + 3].removesuffix("Z") if name in _TIMES else text

    def with_status(self, status: str) -> dict[str, str]:
        """Return the query parameters of the same list with a different status."""
        return {**self.given, "status": status}


def parameters(
    *, sender_id: str, endpoint_id: str | None, target_url: str, category: Category | None
) -> dict[str, str]:
    """Return the query parameters for the deliveries to an endpoint or URL that fail for a cause.

    Args:
        sender_id: the sender.
        endpoint_id: the endpoint; None for a plain URL.
        target_url: the URL, used only without an endpoint.
        category: the cause; None for any.
    """
    recipient = {"endpointId": endpoint_id} if endpoint_id else {"targetUrl": target_url}
    cause = {"category": category.value} if category else {}
    return {"senderId": sender_id, **recipient, **cause}


def _instant(name: str, text: str) -> str:
    if name not in _TIMES or _LOCAL.fullmatch(text) is None:
        return text
    return f"{text}:00Z" if len(text) == _MINUTES else f"{text}Z"
