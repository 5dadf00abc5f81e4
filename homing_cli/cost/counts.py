"""The AWS calls that a message causes, from `counts.json`.

Tests count the calls again on the local cloud. The format of the file:

    {"counted": "how and when",
     "paths": {"on" | "off": {
         "perBatch": {name: calls},          calls that a batch of the delivery queue shares
         "via": {"url" | "api" | "ingest" |  calls that accept a message, by how it is sent; they
             "batch": {name: calls}},        replace those of the same names in `scenarios`
         "scenarios": [{"end": DELIVERED | FAILED | MAX_RETRIES_EXCEEDED,
                    "attempts": 1...,        the number of attempts
                    "calls": {name: calls}}],
         "ordered": {"alone" | "behind":     calls that an `orderingKey` adds to a message, if it
                     {name: calls}},         waits for no other message, or behind another one
         "rated": {name: calls}}}}           calls that an endpoint's rate limit adds to an attempt

The `calls` of a scenario are those of one message to one target. The calls of `batch` are the share
of one message in a request with ten messages. Names of calls:

    api.requests              requests to the HTTP API
    url.requests              requests to the function URL of `accept`
    lambda.<Function>         invocations, by construct id; for OperationalEvents, the changes that
                              it receives: each is an invocation, unless several come together
    dynamodb.writeUnits       write units of both tables and the index
    dynamodb.readUnits        read units, without the look-ups of `deliver` (one a minute)
    sqs.deliveries.<action>   requests to the delivery queue: send, receive, delete
    sqs.deadLetters.send      requests to the dead-letter queue
    sqs.ingest.<action>       requests to the ingest queue: send, receive, delete
    express.requests          Express executions
    express.tasks             task states entered in them
    standard.executions       Standard executions
    standard.transitions      states entered in them, and one for each start
    events.entries            operational events

For each `end`, the calls were counted for 1, 2, 3 ... attempts. Each attempt beyond these adds as
many calls as the last counted retry, since all later retries make the same calls.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = Path(__file__).with_name("counts.json")

Calls = dict[str, float]


class End(StrEnum):
    """The final ledger status of a delivery."""

    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    MAX_RETRIES_EXCEEDED = "MAX_RETRIES_EXCEEDED"


@dataclass(frozen=True, slots=True)
class PathCounts:
    """The counts for one setting of the express path.

    Args:
        per_batch: calls that the messages of a batch share.
        via: calls that accept one message, by how it is sent.
        scenarios: the other calls of one message, by final status and number of attempts.
        ordered: the calls that an `orderingKey` adds to a message that waits for no other
            (`alone`), and to a message that waits behind another (`behind`).
        rated: the calls that an endpoint's rate limit adds to an attempt that does not have to
            wait.
    """

    per_batch: Mapping[str, float]
    via: Mapping[str, Mapping[str, float]]
    scenarios: Mapping[tuple[End, int], Mapping[str, float]]
    ordered: Mapping[str, Mapping[str, float]]
    rated: Mapping[str, float]

    def calls(self, end: End, attempts: int) -> Calls:
        """Return the calls of a message whose delivery ends as `end` after this many attempts.

        Raises:
            KeyError: when neither this scenario nor two with the same `end` and fewer attempts were
                counted.
        """
        if (end, attempts) in self.scenarios:
            return dict(self.scenarios[end, attempts])
        last = max(counted for scenario, counted in self.scenarios if scenario is end)
        upper, lower = self.scenarios[end, last], self.scenarios[end, last - 1]
        beyond = attempts - last
        return {name: upper[name] + beyond * (upper[name] - lower[name]) for name in upper}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Build the counts from one entry of `paths`."""
        return cls(
            per_batch=document["perBatch"],
            via=document["via"],
            scenarios={
                (End(one["end"]), one["attempts"]): one["calls"] for one in document["scenarios"]
            },
            ordered=document["ordered"],
            rated=document["rated"],
        )


def load_counts(file: Path = FILE) -> dict[str, PathCounts]:
    """Read the counts from their file, keyed by the setting of the express path: `on` and `off`."""
    paths = json.loads(file.read_text())["paths"]
    return {name: PathCounts.from_document(express_path) for name, express_path in paths.items()}
