"""Settings for operators of the stack: protection of data, alarms, logs, layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import field_validator

from .group import SettingsGroup, setting

if TYPE_CHECKING:
    from aws_cdk import RemovalPolicy
    from aws_cdk.aws_logs import RetentionDays

# The allowed log retentions in days, with CDK's names. They are a selection of the numbers that
# CloudWatch Logs accepts (PutRetentionPolicy).
_LOG_RETENTION = {
    1: "ONE_DAY",
    3: "THREE_DAYS",
    5: "FIVE_DAYS",
    7: "ONE_WEEK",
    14: "TWO_WEEKS",
    30: "ONE_MONTH",
    60: "TWO_MONTHS",
    90: "THREE_MONTHS",
    180: "SIX_MONTHS",
    365: "ONE_YEAR",
    731: "TWO_YEARS",
    1827: "FIVE_YEARS",
    3653: "TEN_YEARS",
}
_LAYER_ARN = r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:layer:[A-Za-z0-9_-]+:\d+"


class OperationSettings(SettingsGroup):
    """Settings of retention, alarms, logs and layers."""

    deletion_protection: bool = setting(
        default=True,
        allowed="true, false",
        meaning="keeps tables, payloads, queues, waiting executions and logs when the stack is "
        "deleted",
    )
    termination_protection: bool = setting(
        default=False,
        allowed="true, false",
        meaning=(
            "protects the tables from being deleted and, if Homing is a separate stack, the "
            "stack; set it once the first deployment has succeeded"
        ),
    )
    alarm_email: str | None = setting(
        None,
        "an e-mail address",
        "who is notified of alarms; the address must confirm the subscription",
        pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
    )
    delivered_events: bool = setting(
        default=False,
        allowed="true, false",
        meaning="puts an event `Delivery Delivered` on the default event bus for every delivery "
        "that succeeds, at $1 a million",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = setting(
        "INFO",
        "DEBUG, INFO, WARNING, ERROR",
        "what the functions log; their metrics need INFO or DEBUG",
    )
    log_retention_days: int = setting(
        30, ", ".join(map(str, _LOG_RETENTION)), "how long logs are kept"
    )
    smoke_endpoint: bool = setting(
        default=False,
        allowed="true, false",
        meaning="adds the stack's own receiver, to which `homing smoke` sends its message",
    )
    saved_queries: bool = setting(
        default=True,
        allowed="true, false",
        meaning="saves Logs Insights queries with the stack; `false` is for the local cloud",
    )
    signing_layer: str = setting(
        "none",
        "none, built, the ARN of a layer version",
        "where `deliver` and `endpoints` find `cryptography`, for ed25519 signatures (`v1a`); "
        "`built` is the layer that `make signing-layer` builds",
        pattern=f"^(none|built|{_LAYER_ARN})$",
    )
    powertools_layer: str = setting(
        "published",
        "published, built, none, the ARN of a layer version",
        "where the functions find Powertools and pydantic; `built` is the layer that "
        "`make powertools-layer` builds, with which functions start faster; `none` is for the "
        "local cloud",
        pattern=f"^(published|built|none|{_LAYER_ARN})$",
    )

    @field_validator("log_retention_days")
    @classmethod
    def _retention_is_known(cls, value: int) -> int:
        if value not in _LOG_RETENTION:
            raise ValueError("not one of the possible log retentions")
        return value

    @property
    def log_retention(self) -> RetentionDays:
        """`log_retention_days` as CDK's enumeration."""
        from aws_cdk.aws_logs import RetentionDays  # noqa: PLC0415 -- starts Node

        return RetentionDays[_LOG_RETENTION[self.log_retention_days]]

    @property
    def removal_policy(self) -> RemovalPolicy:
        """The removal policy of data, queues, waiting deliveries and logs.

        When a first deployment is rolled back, even resources to be kept are deleted
        (RetainExceptOnCreate). They are still empty, and otherwise each failed try would leave
        another set of them.
        """
        from aws_cdk import RemovalPolicy  # noqa: PLC0415 -- starts Node

        if self.deletion_protection:
            return RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
        return RemovalPolicy.DESTROY
