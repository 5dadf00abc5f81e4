"""What a function reads from its environment: frozen, on first use, all gaps named at once."""

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
    return kind(text)


@dataclass(frozen=True, slots=True)
class Settings:
    """The base of the settings classes: field `ledger_table` is read from `LEDGER_TABLE`."""

    @classmethod
    def variables(cls) -> tuple[str, ...]:
        """Name the environment variables that these settings are read from."""
        return tuple(field.name.upper() for field in fields(cls))

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Self:
        """Read the settings.

        Raises:
            SettingsError: when variables are missing or unreadable; names all of them.
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
                problems.append(f"{name} is unreadable ({error})")
        if problems:
            raise SettingsError("; ".join(problems))
        return cls(**values)


@dataclass(frozen=True, slots=True)
class GuardSettings(Settings):
    """Which targets may be reached: the rules that are set, and the hosts of the stack's own APIs.

    `own_hosts` are known only when they have been made, so they do not stand in `address_guard`.
    """

    address_guard: AddressGuard
    own_hosts: str

    @property
    def guard(self) -> AddressGuard:
        """The rules with the stack's own APIs among what is refused."""
        return self.address_guard.refusing(self.own_hosts.split(","))


@dataclass(frozen=True, slots=True)
class AcceptSettings(GuardSettings):
    """Where `accept` keeps messages and queues deliveries, and what it adds to them."""

    messages_table: str
    ledger_table: str
    delivery_queue_url: str
    default_policy: Policy
    retention_days: int
    endpoints_table: str
    payload_bucket: str


@dataclass(frozen=True, slots=True)
class AuthorizeSettings(Settings):
    """Where `authorize` finds the API keys."""

    keys_table: str


@dataclass(frozen=True, slots=True)
class GetMessageSettings(Settings):
    """Where `get_message` reads."""

    messages_table: str
    ledger_table: str


@dataclass(frozen=True, slots=True)
class RedriveSettings(GetMessageSettings):
    """Where `redrive` reads and keeps payloads, and which workflow it starts."""

    state_machine_arn: str
    payload_bucket: str


@dataclass(frozen=True, slots=True)
class EndpointsSettings(GuardSettings):
    """Where `endpoints` keeps endpoints and their secrets, and what it measures them by."""

    endpoints_table: str
    secrets_table: str
    default_policy: Policy


@dataclass(frozen=True, slots=True)
class DispatchSettings(Settings):
    """Which workflows `dispatch` starts, and what it settles repeated messages from.

    An empty `first_attempt_arn` turns the express path off; then everything runs in the Standard
    workflow.
    """

    state_machine_arn: str
    first_attempt_arn: str
    first_attempt_timeout_seconds: float
    ledger_table: str
    delivery_queue_url: str
    dead_letter_queue_url: str
    attempt_timeout_seconds: float
    attempts_per_endpoint: int
    slow_threshold_seconds: float


@dataclass(frozen=True, slots=True)
class DeliverSettings(GuardSettings):
    """What `deliver` keeps to, where it claims attempts, where it finds who is delivered to.

    An attempt may take `attempt_timeout_seconds` in all. An endpoint that has only failed for
    `disable_after_hours` is disabled; with 0 only 410 disables one.
    """

    attempt_timeout_seconds: float
    ledger_table: str
    endpoints_table: str
    secrets_table: str
    payload_bucket: str
    disable_after_hours: int


@dataclass(frozen=True, slots=True)
class ComputeBackoffSettings(Settings):
    """How long a record is kept after the attempt it waits for."""

    retention_days: int


@dataclass(frozen=True, slots=True)
class RecordRetrySettings(Settings):
    """Where `record_retry` writes."""

    ledger_table: str
