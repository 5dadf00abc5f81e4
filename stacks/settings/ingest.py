"""Settings of the ingest queue."""

from __future__ import annotations

import re

from pydantic import field_validator

from homing.identifiers import LIMIT, SENDER_ID
from homing.reception.ingested import SENDER_PATH

from .group import SettingsGroup, setting
from .problems import InvalidSettingsError


class IngestSettings(SettingsGroup):
    """Settings of the queue that AWS services and programs may write messages to."""

    ingest_queue: bool = setting(
        default=False,
        allowed="true, false",
        meaning="adds a queue that EventBridge rules, SNS topics and programs may write messages "
        "to, the output `IngestQueueUrl`",
    )
    ingest_sender: str | None = setting(
        None,
        "a senderId, or the path to it in the event, such as $.detail.tenantId",
        "the sender of the messages of that queue; without it, each message may specify its sender",
    )
    ingest_concurrency: int = setting(
        10,
        "2 to 1000",
        "how many batches of an ingest queue are accepted concurrently",
        ge=2,
        le=1000,
    )

    @field_validator("ingest_sender")
    @classmethod
    def _is_id_or_path(cls, value: str | None) -> str | None:
        if value and not (re.fullmatch(SENDER_PATH, value) or SENDER_ID.allows(value)):
            raise ValueError("neither a senderId nor a path")
        return value


def sender_rule(sender_path: str | None, sender_id: str | None) -> str:
    """Return the sender of a subscription's messages: a path to it, a senderId, or an empty string.

    Raises:
        InvalidSettingsError: when both are given, or one is not valid.
    """
    if sender_path is not None and sender_id is not None:
        raise InvalidSettingsError("give either sender_path or sender_id")
    if sender_path is not None and not re.fullmatch(SENDER_PATH, sender_path):
        raise InvalidSettingsError(
            f"sender_path: {sender_path!r} is not valid; use a path such as $.detail.tenantId"
        )
    if sender_id is not None and not SENDER_ID.allows(sender_id):
        raise InvalidSettingsError(
            f"sender_id: {sender_id!r} is not valid; it must have 1 to {LIMIT} characters: "
            f"{SENDER_ID.rule}"
        )
    return sender_path or sender_id or ""
