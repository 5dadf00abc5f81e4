"""Settings of acceptance, dispatch and attempts."""

from __future__ import annotations

from typing import Literal

from .group import SettingsGroup, setting


class DeliverySettings(SettingsGroup):
    """Settings of deadlines, retention and concurrency."""

    attempt_timeout_seconds: int | float = setting(
        15,
        "1 to 60",
        "the time limit of one attempt in total, from the name look-up to the response",
        ge=1,
        le=60,
    )
    retention_days: int = setting(
        30,
        "1 to 3650",
        "how long accepted messages and ledger records are kept, and duplicates detected",
        ge=1,
        le=3650,
    )
    messages_url: bool = setting(
        default=True,
        allowed="true, false",
        meaning="adds an API for messages that costs nothing per request, the function URL "
        "`MessagesUrl`; `false` is for regions without function URLs",
    )
    accept_concurrency: int = setting(
        0,
        "0 to 1000",
        "how many requests to send messages may run concurrently, across all APIs; as much of the "
        "account's concurrency is reserved for them; 0: no limit, and nothing reserved",
        ge=0,
        le=1000,
    )
    sender_rate_per_second: int | float = setting(
        0,
        "0 to 1000",
        "how many deliveries of each sender are accepted per second, across all containers; "
        "further messages get 429, with `Retry-After`; 0: no limit, and no cost",
        ge=0,
        le=1000,
    )
    sender_backlog: int = setting(
        1000,
        "1 to 1000000",
        "how many deliveries of a sender are accepted immediately, beyond `senderRatePerSecond`",
        ge=1,
        le=1_000_000,
    )
    dispatch_concurrency: int = setting(
        10, "2 to 1000", "how many batches of the queue are dispatched concurrently", ge=2, le=1000
    )
    attempts_per_endpoint: int = setting(
        10,
        "1 to 10",
        "how many first attempts each container of `dispatch` makes concurrently, including "
        "detached ones, to one endpoint of a sender, or to one URL without its query; further ones "
        "wait",
        ge=1,
        le=10,
    )
    slow_threshold_seconds: int | float = setting(
        1,
        "0.1 to 60",
        "how long `dispatch` waits for a first attempt before it detaches it; an endpoint that "
        "takes longer is slow, and its deliveries are deferred so that they do not hold up others",
        ge=0.1,
        le=60,
    )
    first_wait_seconds: int | float = setting(
        0.15,
        "0.01 to 60",
        "how long `dispatch` waits for a first attempt before it detaches it, if its container "
        "does not know the endpoint to be quick; a detached attempt counts as slow only after "
        "`slowThresholdSeconds`",
        ge=0.01,
        le=60,
    )
    express_path: bool = setting(
        default=True,
        allowed="true, false",
        meaning="runs first attempts as Express executions; `false` runs everything in the "
        "Standard workflow",
    )
    first_attempt_log_level: Literal["ERROR", "ALL"] = setting(
        "ERROR",
        "ERROR, ALL",
        "what is logged of Express executions; ALL shows their steps in the AWS console, at a cost",
    )
    disable_after_hours: int = setting(
        120,
        "0 to 8760 (a year)",
        "an endpoint is disabled when every attempt has failed for this long; 0: never, except "
        "after a 410",
        ge=0,
        le=8760,
    )
