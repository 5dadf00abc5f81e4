"""A Lambda function of the shop, which sends a webhook about each order."""

import os
from typing import Any

from homing.client import Homing, Retrying

# A call must end before the function's time-out. It takes at most 15 + 20 seconds, plus three to
# connect.
HOMING = Homing(os.environ["MESSAGES_URL"], retrying=Retrying(timeout=15, give_up_after=20))


def handler(event: dict[str, Any], _context: object) -> str:
    """Send a webhook about an order, and return its `messageId`."""
    accepted = HOMING.send(
        target_url=event["notify"],
        message_id=f"order-{event['order']}",  # so a repeated event is not sent twice
        payload={"order": event["order"], "total": event["total"]},
    )
    return accepted.message_id
