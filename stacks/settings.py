"""What can be set at deployment: CDK context, with defaults, checked at synth.

`cdk deploy -c maxAttempts=5 -c alarmEmail=me@example.com`, or the same keys under `context` in
`cdk.json`. docs/operations.md lists them; a test holds that list to this module.
"""

from __future__ import annotations

import json
import re
import sys
from difflib import get_close_matches
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, Literal, Self, cast

from aws_cdk import RemovalPolicy
from aws_cdk.aws_logs import RetentionDays
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic.alias_generators import to_camel

from homing.errors import HomingError, InvalidMessageError
from homing.reception.policy_override import conflicts, override
from homing.retry.policy import (
    MAX_ATTEMPTS_LIMIT,
    MAX_DELAY_LIMIT_SECONDS,
    PRESETS,
    Jitter,
    Policy,
)
from homing.targets.address_guard import DEFAULT_PORTS, AddressGuard, Network

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import ValidationInfo
    from pydantic_core import ErrorDetails

DEFAULT_STAGE = "default"
_POLICY = Policy()
_MAX_PORT = 65_535

# CloudWatch Logs takes no other numbers (PutRetentionPolicy).
_LOG_RETENTION = {
    1: RetentionDays.ONE_DAY,
    3: RetentionDays.THREE_DAYS,
    5: RetentionDays.FIVE_DAYS,
    7: RetentionDays.ONE_WEEK,
    14: RetentionDays.TWO_WEEKS,
    30: RetentionDays.ONE_MONTH,
    60: RetentionDays.TWO_MONTHS,
    90: RetentionDays.THREE_MONTHS,
    180: RetentionDays.SIX_MONTHS,
    365: RetentionDays.ONE_YEAR,
    731: RetentionDays.TWO_YEARS,
    1827: RetentionDays.FIVE_YEARS,
    3653: RetentionDays.TEN_YEARS,
}
_LAYER_ARN = r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:layer:[A-Za-z0-9_-]+:\d+"
_YEAR = f"{MAX_DELAY_LIMIT_SECONDS} (a year)"

# Keys of other tools hold a colon, a slash or a dash (`@aws-cdk/...`, `aws:cdk:...`,
# `availability-zones:...`). A bare word can only be meant for Homing.
_OURS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class ContextError(HomingError):
    """Raised when the CDK context cannot be used; names every bad key and what it may be."""


def _setting(default: Any, allowed: str, meaning: str, **bounds: Any) -> Any:
    return Field(default, description=meaning, json_schema_extra={"allowed": allowed}, **bounds)


class StackSettings(BaseModel):
    """The settings of one deployed Homing; the context key is the name in camelCase."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        allow_inf_nan=False,
        validate_default=True,  # a default is wrong where another setting leaves it no room
    )

    stage: str = _setting(
        DEFAULT_STAGE,
        "lower-case letters, digits and dashes, at most 20, a letter first",
        "tells several Homings in one account apart: the stack is `Homing-<stage>`",
        pattern=r"^[a-z][a-z0-9-]{0,19}$",
    )
    max_attempts: int = _setting(
        _POLICY.max_attempts,
        f"1 to {MAX_ATTEMPTS_LIMIT}",
        "attempts made at most, the first included, where a message brings no policy of its own",
        ge=1,
        le=MAX_ATTEMPTS_LIMIT,
    )
    base_delay_seconds: int | float = _setting(
        _POLICY.base_delay_seconds,
        f"0 to {_YEAR}",
        "the delay after the first failure, before jitter",
        ge=0,
        le=MAX_DELAY_LIMIT_SECONDS,
    )
    multiplier: int | float = _setting(
        _POLICY.multiplier,
        "1 to 100",
        "by how much the delay grows with each failure",
        ge=1,
        le=100,
    )
    max_delay_seconds: int | float = _setting(
        _POLICY.max_delay_seconds,
        f"baseDelaySeconds to {_YEAR}",
        "the cap of the exponential delay",
        ge=0,
        le=MAX_DELAY_LIMIT_SECONDS,
    )
    jitter: Jitter = _setting(_POLICY.jitter, ", ".join(Jitter), "how chance is added to a delay")
    preset: str | None = _setting(
        None,
        ", ".join(PRESETS),
        "a schedule by name, instead of `schedule`, `baseDelaySeconds`, `multiplier` and "
        "`maxDelaySeconds`",
        pattern=f"^({'|'.join(PRESETS)})$",
    )
    schedule: str | None = _setting(
        None,
        f"numbers from 0 to {_YEAR}, commas between them",
        "the waits in seconds after each failure, such as `5,300,3600`, instead of "
        "`baseDelaySeconds`, `multiplier` and `maxDelaySeconds`; without `maxAttempts` it allows "
        "one attempt more than it has waits",
    )
    retry_after_ceiling_seconds: int | float = _setting(
        _POLICY.retry_after_ceiling_seconds,
        f"0 to {_YEAR}",
        "how far away a `Retry-After` may put the next attempt",
        ge=0,
        le=MAX_DELAY_LIMIT_SECONDS,
    )
    attempt_timeout_seconds: int | float = _setting(
        15,
        "1 to 60",
        "the total deadline of one attempt, from the name look-up to the response",
        ge=1,
        le=60,
    )
    retention_days: int = _setting(
        30,
        "1 to 3650",
        "how long messages and records are kept, and duplicates noticed",
        ge=1,
        le=3650,
    )
    messages_url: bool = _setting(
        default=True,
        allowed="true, false",
        meaning="gives messages a API that charges nothing for a request, the function URL "
        "`MessagesUrl`; `false` is for regions that have none, below",
    )
    accept_concurrency: int = _setting(
        0,
        "0 to 1000",
        "how many requests are taken in at once, at all APIs, and kept free in the account for "
        "that; 0: no bound, and nothing kept",
        ge=0,
        le=1000,
    )
    dispatch_concurrency: int = _setting(
        10, "2 to 1000", "how many batches of the queue are dispatched at once", ge=2, le=1000
    )
    attempts_per_endpoint: int = _setting(
        10,
        "1 to 10",
        "first attempts at once to one origin (scheme, host and port), from each container of "
        "`dispatch`, those it has detached included; more wait their turn",
        ge=1,
        le=10,
    )
    slow_threshold_seconds: int | float = _setting(
        1,
        "0.1 to 60",
        "how long `dispatch` waits for a first attempt before it leaves it to itself; an endpoint "
        "that takes longer is slow and deferred, so that it does not hold up the others",
        ge=0.1,
        le=60,
    )
    express_path: bool = _setting(
        default=True,
        allowed="true, false",
        meaning="runs first attempts as Express executions; else all runs in the Standard workflow",
    )
    first_attempt_log_level: Literal["ERROR", "ALL"] = _setting(
        "ERROR",
        "ERROR, ALL",
        "what is logged of Express executions; ALL shows their steps in the console, at a price",
    )
    deletion_protection: bool = _setting(
        default=True,
        allowed="true, false",
        meaning="keeps what was accepted when the stack is deleted: tables, payloads, queues,"
        " waiting executions, logs",
    )
    termination_protection: bool = _setting(
        default=False,
        allowed="true, false",
        meaning="keeps the stack and its tables from being deleted; set it once the first "
        "deployment has succeeded",
    )
    alarm_email: str | None = _setting(
        None,
        "an e-mail address",
        "who is told of alarms; the address must confirm the subscription",
        pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = _setting(
        "INFO",
        "DEBUG, INFO, WARNING, ERROR",
        "what the functions log; their metrics need INFO or DEBUG",
    )
    log_retention_days: int = _setting(
        30, ", ".join(map(str, _LOG_RETENTION)), "how long logs are kept"
    )
    allowed_ports: str = _setting(
        ",".join(map(str, sorted(DEFAULT_PORTS))),
        "numbers from 1 to 65535, commas between them",
        "the ports that requests may go to",
    )
    allow_http: bool = _setting(
        default=False,
        allowed="true, false",
        meaning="allows targets with `http://` beside `https://`",
    )
    allowed_networks: str = _setting(
        "",
        "networks such as 10.1.0.0/16, commas between them",
        "networks that may be reached although they are not public, over any port and `http` where "
        "the URL itself holds the address; leave it empty but for tests",
    )
    refused_networks: str = _setting(
        "",
        "networks such as 203.0.113.0/24, commas between them",
        "networks that may not be reached although they are public, such as your own",
    )
    refused_hosts: str = _setting(
        "",
        "host names such as hooks.example.com, commas between them",
        "hosts that may not be reached although they are public, such as custom domains of this "
        "stack's APIs; their own hosts never may",
        pattern=r"^[A-Za-z0-9_.,\- ]*$",
    )
    disable_after_hours: int = _setting(
        120,
        "0 to 8760 (a year)",
        "an endpoint that has only failed for so long is disabled; 0: never, but for a 410",
        ge=0,
        le=8760,
    )
    saved_queries: bool = _setting(
        default=True,
        allowed="true, false",
        meaning="saves Logs Insights queries with the stack; `false` is for the local cloud",
    )
    signing_layer: str = _setting(
        "none",
        "none, built, the ARN of a layer version",
        "where `deliver` and `endpoints` find `cryptography`, for ed25519 signatures (`v1a`); "
        "`built` is what `make signing-layer` has made",
        pattern=f"^(none|built|{_LAYER_ARN})$",
    )
    powertools_layer: str = _setting(
        "published",
        "published, none, the ARN of a layer version",
        "where the functions find Powertools and pydantic; `none` is for the local cloud",
        pattern=f"^(published|none|{_LAYER_ARN})$",
    )

    @field_validator("max_delay_seconds")
    @classmethod
    def _not_below_base(cls, value: float, info: ValidationInfo) -> float:
        if value < info.data.get("base_delay_seconds", 0):
            raise ValueError("below baseDelaySeconds")
        return value

    @field_validator("schedule")
    @classmethod
    def _known_waits(cls, value: str | None) -> str | None:
        if value is not None and not all(
            0 <= wait <= MAX_DELAY_LIMIT_SECONDS for wait in _waits(value)
        ):
            raise ValueError("a wait out of range")
        return value

    @field_validator("allowed_ports")
    @classmethod
    def _known_ports(cls, value: str) -> str:
        if not all(1 <= int(port) <= _MAX_PORT for port in value.split(",")):
            raise ValueError("a port out of range")
        return value

    @field_validator("allowed_networks", "refused_networks")
    @classmethod
    def _known_networks(cls, value: str) -> str:
        _networks(value)
        return value

    @field_validator("log_retention_days")
    @classmethod
    def _known_retention(cls, value: int) -> int:
        if value not in _LOG_RETENTION:
            raise ValueError("no log retention that CloudWatch knows")
        return value

    @classmethod
    def from_context(cls, context: Mapping[str, Any]) -> Self:
        """Read the settings from the app's context; values given with `-c` are strings.

        Raises:
            ContextError: when a value cannot be used, or a bare key is none of the settings.
        """
        given = {key: value for key, value in context.items() if _OURS.fullmatch(key)}
        try:
            settings = cls.model_validate(given)
        except ValidationError as error:
            # A number that is neither whole nor broken is two errors of pydantic and one problem.
            problems = dict.fromkeys(_problem(details) for details in error.errors())
            raise ContextError("\n".join(["The context cannot be used:", *problems])) from error
        if faults := list(settings.policy_faults(given)):
            raise ContextError("\n".join(["The context cannot be used:", *faults]))
        return settings

    def policy_faults(self, given: Mapping[str, Any]) -> Iterator[str]:
        """Tell of settings of the policy that cannot stand together, as of a message's policy."""
        raw = {name: value for name, value in given.items() if value is not None}
        faults = list(conflicts(raw))
        try:
            _ = self.policy
        except InvalidMessageError as error:
            faults += error.errors
        for fault in faults:
            yield f"  {fault.field.removeprefix('policy.')}: {fault.message}"

    @property
    def stack_id(self) -> str:
        """The stack's name: `Homing`, or `Homing-<stage>`."""
        return "Homing" if self.stage == DEFAULT_STAGE else f"Homing-{self.stage}"

    @property
    def metrics_namespace(self) -> str:
        """The CloudWatch namespace: one per stage, so that no alarm counts another stage's."""
        return "Homing" if self.stage == DEFAULT_STAGE else f"Homing/{self.stage}"

    @property
    def policy(self) -> Policy:
        """The retry policy of messages that bring none."""
        exponential = Policy(
            max_attempts=self.max_attempts,
            base_delay_seconds=self.base_delay_seconds,
            multiplier=self.multiplier,
            max_delay_seconds=self.max_delay_seconds,
            jitter=self.jitter,
            retry_after_ceiling_seconds=self.retry_after_ceiling_seconds,
        )
        given: dict[str, Any] = {"preset": self.preset} if self.preset else {}
        if self.schedule:
            given["schedule"] = _waits(self.schedule)
        if given and "max_attempts" in self.model_fields_set:
            given["max_attempts"] = self.max_attempts
        return override(exponential, given)

    @property
    def address_guard(self) -> AddressGuard:
        """Which targets may be reached."""
        return AddressGuard(
            allowed_ports=frozenset(map(int, self.allowed_ports.split(","))),
            allow_http=self.allow_http,
            allowed_networks=_networks(self.allowed_networks),
            refused_networks=_networks(self.refused_networks),
        ).refusing(self.refused_hosts.split(","))

    @property
    def log_retention(self) -> RetentionDays:
        """`log_retention_days` as CDK says it."""
        return _LOG_RETENTION[self.log_retention_days]

    @property
    def removal_policy(self) -> RemovalPolicy:
        """What becomes of data, queues, waiting deliveries and logs when the stack is deleted.

        What is kept is kept but for a first deployment that is rolled back: it holds nothing yet,
        and each further try would leave another set behind (RetainExceptOnCreate).
        """
        if self.deletion_protection:
            return RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
        return RemovalPolicy.DESTROY


def _waits(value: str) -> tuple[float, ...]:
    return tuple(float(each) for each in value.split(",") if each.strip())


def _networks(value: str) -> tuple[Network, ...]:
    return tuple(ip_network(each.strip()) for each in value.split(",") if each.strip())


def _problem(details: ErrorDetails) -> str:
    key = str(details["loc"][0])
    fields = {str(field.alias): field for field in StackSettings.model_fields.values()}
    if details["type"] == "extra_forbidden":
        near = get_close_matches(key, fields, n=1)
        return f"  {key}: no such setting" + (f"; did you mean {near[0]}?" if near else "")
    key = to_camel(key)  # pydantic names a default that fails by its field
    allowed = cast("dict[str, str]", fields[key].json_schema_extra)["allowed"]
    default = json.dumps(fields[key].default)
    return f"  {key}: {details['input']!r} cannot be used; give {allowed} (default {default})"


def document_settings() -> str:
    """Write the settings as the table of docs/operations.md: `python -m stacks.settings`."""
    rows = ["| key | default | may be | meaning |", "|---|---|---|---|"]
    for field in StackSettings.model_fields.values():
        allowed = cast("dict[str, str]", field.json_schema_extra)["allowed"]
        default = json.dumps(field.default).strip('"')
        rows.append(f"| `{field.alias}` | {default} | {allowed} | {field.description} |")
    return "\n".join([*rows, ""])


if __name__ == "__main__":
    sys.stdout.write(document_settings())
