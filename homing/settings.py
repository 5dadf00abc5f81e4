"""The settings of each function, read from its environment on first use."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self, get_type_hints

from homing.errors import SettingsError
from homing.retry.policy import Policy
from homing.targets.address_guard import AddressGuard

if TYPE_CHECKING:
    from collections.abc import Mapping


def _read(kind: Any, text: str) -> Any:
    if kind in (Policy, AddressGuard):
        return kind.from_document(json.loads(text))
    if kind in (bool, dict[str, str]):
        return json.loads(text)
    return kind(text)


@dataclass(frozen=True, slots=True)
class Settings:
    """The base of the settings classes.

    Each field is read from an environment variable: `ledger_table` from `LEDGER_TABLE`.
    """

    @classmethod
    def variables(cls) -> tuple[str, ...]:
        """Return the names of the environment variables of these settings."""
        return tuple(field.name.upper() for field in fields(cls))

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Self:
        """Read the settings.

        Raises:
            SettingsError: when variables are missing or invalid; the message names all of them.
        """
        source = os.environ if env is None else env
        kinds = get_type_hints(cls)
        values: dict[str, Any] = {}
        problems = []
        for field in fields(cls):
            name = field.name.upper()
            try:
                values[field.name] = _read(kinds[field.name], source[name])
            except KeyError:
                problems.append(f"{name} is not set")
            except (TypeError, ValueError) as error:
                problems.append(f"{name} is invalid ({error})")
        if problems:
            raise SettingsError("; ".join(problems))
        return cls(**values)


@dataclass(frozen=True, slots=True)
class GuardSettings(Settings):
    """Which targets may be reached: the rules of the deployment, and the hosts of its own APIs.

    The hosts are only known after deployment, so they are not part of `address_guard`.
    """

    address_guard: AddressGuard
    own_hosts: str

    @property
    def guard(self) -> AddressGuard:
        """The rules of the deployment, which also refuse the hosts of the stack's own APIs."""
        return self.address_guard.refusing(self.own_hosts.split(","))


@dataclass(frozen=True, slots=True)
class AcceptSettings(GuardSettings):
    """The tables, queues, bucket and topic of `accept`, defaults of messages, and senders' rate.

    A `sender_rate_per_second` of 0 means that the rate of senders is not limited.
    """

    messages_table: str
    ledger_table: str
    delivery_queue_url: str
    bulk_queue_url: str
    default_policy: Policy
    retention_days: int
    endpoints_table: str
    payload_bucket: str
    lines_table: str
    places_table: str
    sender_rate_per_second: float
    sender_backlog: int
    warm_up_topic_arn: str


@dataclass(frozen=True, slots=True)
class IngestSettings(AcceptSettings):
    """The settings of `ingest`: those of `accept`, the queue of unaccepted messages, and senders.

    `senders` maps the ARN of each ingest queue to the argument `sender` of `read_ingested`.
    """

    unaccepted_queue_url: str
    senders: dict[str, str]


@dataclass(frozen=True, slots=True)
class AuthorizeSettings(Settings):
    """The table of API keys that `authorize` reads."""

    keys_table: str


@dataclass(frozen=True, slots=True)
class GetMessageSettings(Settings):
    """The tables that `get_message` reads."""

    messages_table: str
    ledger_table: str
    lines_table: str
    places_table: str


@dataclass(frozen=True, slots=True)
class RedriveSettings(GetMessageSettings):
    """The tables and the bucket of `redrive`, and the workflow and function that it starts."""

    state_machine_arn: str
    payload_bucket: str
    redrives_table: str
    watchdog_arn: str


@dataclass(frozen=True, slots=True)
class ReleaseSettings(Settings):
    """The tables and the queue that `release` uses."""

    ledger_table: str
    lines_table: str
    places_table: str
    endpoints_table: str
    delivery_queue_url: str


@dataclass(frozen=True, slots=True)
class WatchdogSettings(ReleaseSettings):
    """The settings of `watchdog`: those of `release`, and those for resuming and redriving."""

    redrives_table: str
    payload_bucket: str
    state_machine_arn: str
    undispatched_queue_url: str
    dead_letter_queue_url: str


@dataclass(frozen=True, slots=True)
class OperationalEventsSettings(Settings):
    """The ledger and the endpoints table, and whether every delivered message gets an event."""

    ledger_table: str
    endpoints_table: str
    delivered_events: bool


@dataclass(frozen=True, slots=True)
class EndpointsSettings(GuardSettings):
    """The tables of `endpoints`, and the default policy of endpoints."""

    endpoints_table: str
    secrets_table: str
    default_policy: Policy


@dataclass(frozen=True, slots=True)
class DispatchSettings(Settings):
    """The workflows that `dispatch` starts, and the table and queues that it uses.

    An empty `first_attempt_arn` turns the express path off: every attempt runs in the Standard
    workflow.
    """

    state_machine_arn: str
    first_attempt_arn: str
    first_attempt_timeout_seconds: float
    ledger_table: str
    delivery_queue_url: str
    bulk_queue_url: str
    dead_letter_queue_url: str
    attempt_timeout_seconds: float
    attempts_per_endpoint: int
    slow_threshold_seconds: float
    first_wait_seconds: float


@dataclass(frozen=True, slots=True)
class DeliverSettings(GuardSettings):
    """The tables and the bucket of `deliver`, and its limits.

    An attempt may take `attempt_timeout_seconds` in all. An endpoint is disabled when all attempts
    have failed for `disable_after_hours`; with 0, only a 410 response disables it.
    """

    attempt_timeout_seconds: float
    ledger_table: str
    endpoints_table: str
    secrets_table: str
    payload_bucket: str
    lines_table: str
    disable_after_hours: int


@dataclass(frozen=True, slots=True)
class ComputeBackoffSettings(Settings):
    """The setting of `compute_backoff`: how long a record is kept after its attempt is due."""

    retention_days: int


@dataclass(frozen=True, slots=True)
class RecordRetrySettings(Settings):
    """The table that `record_retry` writes."""

    ledger_table: str
