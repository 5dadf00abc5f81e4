"""A cache of the endpoints that messages name, for `accept`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from homing.routing.subscriptions import FRESH_SECONDS, MAX_KEPT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from homing.endpoints.endpoint import Endpoint
    from homing.endpoints.endpoints_table import EndpointsTable


class KnownEndpoints:
    """Looks up endpoints, each at most once in `FRESH_SECONDS`.

    An endpoint that was not found is looked up each time, so that a new one is found immediately.

    Args:
        endpoints: the endpoints table.
        clock: a monotonic clock in seconds.
    """

    def __init__(
        self, endpoints: EndpointsTable, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._endpoints = endpoints
        self._clock = clock
        self._known: dict[tuple[str, str], tuple[float, Endpoint]] = {}

    def find(self, sender_id: str, ids: Sequence[str]) -> Mapping[str, Endpoint]:
        """Return those of the given endpoints that exist, by id.

        Raises:
            BotoCoreError, ClientError, DependencyError: when they cannot be read.
        """
        fresh = self._fresh(sender_id, ids)
        missing = [each for each in ids if each not in fresh]
        if not missing:
            return fresh
        found = self._endpoints.find_many(sender_id, missing)
        if len(self._known) + len(found) > MAX_KEPT:
            self._known.clear()
        now = self._clock()
        self._known.update({(sender_id, each): (now, one) for each, one in found.items()})
        return {**fresh, **found}

    def _fresh(self, sender_id: str, ids: Sequence[str]) -> dict[str, Endpoint]:
        oldest = self._clock() - FRESH_SECONDS
        known = {each: self._known.get((sender_id, each)) for each in ids}
        return {each: one[1] for each, one in known.items() if one is not None and one[0] > oldest}
