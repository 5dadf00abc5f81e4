"""The default event bus of Amazon EventBridge."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from homing import aws
from homing.errors import DependencyError
from homing.operational_events.event import SOURCE
from homing.timestamps import from_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from homing.operational_events.event import OperationalEvent

_IN_A_CALL = 10  # the maximum number of entries of PutEvents


class EventBus:
    """The event bus that receives operational events.

    Args:
        client: an EventBridge client.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    @classmethod
    def connect(cls) -> Self:
        """Connect to the default bus of the account."""
        return cls(aws.client("events", read_seconds=2, tries=2))

    def put(self, events: Sequence[OperationalEvent]) -> None:
        """Put events on the bus, up to ten with each call.

        Raises:
            DependencyError: when the bus refuses an event, or does not respond. Events that it has
                accepted before the error are on the bus already.
        """
        for start in range(0, len(events), _IN_A_CALL):
            entries = [_entry(each) for each in events[start : start + _IN_A_CALL]]
            try:
                answer = self._client.put_events(Entries=entries)
            except (BotoCoreError, ClientError) as error:
                raise DependencyError(f"{type(error).__name__}: {error}") from error
            refused = [each["ErrorCode"] for each in answer["Entries"] if "ErrorCode" in each]
            if refused:
                raise DependencyError(f"the bus refused {len(refused)}: {refused[0]}")


def _entry(event: OperationalEvent) -> dict[str, Any]:
    return {
        "Source": SOURCE,
        "DetailType": event.kind.value,
        "Time": from_text(event.at),
        "Detail": json.dumps(event.detail),
    }
