"""The deployment settings that a simulated run needs. A test compares them with the stack."""

from __future__ import annotations

from dataclasses import dataclass, field

from homing.retry.policy import Policy
from simulation.engine.clock import SECOND

# The names of the simulated resources.
LEDGER = "ledger"
MESSAGES = "messages"
SECRETS = "secrets"
ENDPOINTS = "endpoints"
LINES = "lines"
PLACES = "places"
DELIVERIES = "deliveries"
BULK = "bulk"
UNDISPATCHED = "undispatched"
DEAD_LETTERS = "dead-letters"
INGEST = "arn:aws:sqs:us-east-1:123456789012:ingest"
UNACCEPTED = "unaccepted"
STANDARD = "standard"
EXPRESS = "express"


@dataclass(frozen=True, slots=True)
class Deployment:
    """The settings of a deployment. Times are in milliseconds unless the name says otherwise.

    `attempts_at_once` and `rate_per_second` are the limits that every endpoint has; 0 means no
    limit. `defers` is the probability that the bulkhead defers a delivery. `bulk` is the
    probability that the messages of a request exceed their sender's burst.
    """

    express_path_is_on: bool = True
    queue_is_fifo: bool = True
    attempt_timeout: int = 15 * SECOND
    deliver_timeout: int = 30 * SECOND
    function_timeout: int = 15 * SECOND
    accept_timeout: int = 25 * SECOND
    ingest_timeout: int = 25 * SECOND
    ingest_visibility_timeout: int = 150 * SECOND
    ingest_max_receive_count: int = 50
    express_timeout: int = 45 * SECOND
    slow_threshold: int = SECOND
    dispatch_timeout: int = 75 * SECOND
    release_timeout: int = 60 * SECOND
    watchdog_timeout: int = 600 * SECOND
    watchdog_every: int = 900 * SECOND
    visibility_timeout: int = 450 * SECOND
    max_receive_count: int = 5
    batch_size: int = 10
    retention_days: int = 30
    attempts_at_once: int = 0
    rate_per_second: float = 0
    bulk: float = 0.0
    defers: float = 0.0
    policy: Policy = field(default_factory=Policy)
