"""AWS clients whose calls take a limited time. Lambda functions use no other clients.

A call is tried at most `tries` times. Each try waits at most `CONNECT_SECONDS` for a connection and
`read_seconds` for a response. Before each further try botocore ("standard" mode) pauses up to 1 s,
2 s, 4 s and so on. A call that might outlast the invocation is not made: it raises
`OutOfTimeError`, which callers handle and log like any other failure of AWS.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.loaders import Loader
from botocore.session import get_session

from homing.deadline import seconds_left

CONNECT_SECONDS = 1
# The time that a function needs after its last call, to log and to return.
ANSWER_SECONDS = 1
_USER_AGENT = "Homing/0.1.0"
SERVICES = ("dynamodb", "events", "lambda", "s3", "sns", "sqs", "stepfunctions")


class OutOfTimeError(BotoCoreError):
    """Raised when a call is not made because it might outlast the invocation."""

    fmt = "{operation} was not called: it may take {longest:g} s, but only {left:.1f} s are left"


class _OurServices(Loader):
    """Loads botocore's descriptions of the AWS services that Homing's functions call.

    By default, botocore searches the folders of all 400 services for each client, to check that its
    service exists. That takes a tenth of a cold start (docs/benchmarks.md).
    """

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 -- the loader's
        """Return the AWS services that Homing's functions call, regardless of the arguments."""
        return list(SERVICES)


@cache
def _session() -> boto3.Session:
    session = get_session()
    session.register_component("data_loader", _OurServices())
    return boto3.Session(botocore_session=session)


def longest_call(*, read_seconds: float, tries: int) -> float:
    """Return the longest time that a call can take, in seconds."""
    pauses: float = sum(2**number for number in range(tries - 1))
    return tries * (CONNECT_SECONDS + read_seconds) + pauses


def client(service: str, *, read_seconds: float, tries: int, connections: int = 10) -> Any:
    """Return a boto3 client.

    Args:
        service: its name in boto3, one of `SERVICES`.
        read_seconds: how long one try waits for a response.
        tries: the maximum number of tries, the first included.
        connections: the maximum number of concurrent calls.
    """
    made = _session().client(  # type: ignore[call-overload]  # one overload for each service
        service,
        config=Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=read_seconds,
            retries={"mode": "standard", "total_max_attempts": tries},
            max_pool_connections=connections,
            # The next two settings save an eighth of a call's processor time. By default, botocore
            # describes this machine for each call, and checks parameters, as mypy and AWS also do.
            user_agent=_USER_AGENT,
            parameter_validation=False,
            # Bucket names in host names do not resolve on a local cloud.
            s3={"addressing_style": "path"},
        ),
    )
    longest = longest_call(read_seconds=read_seconds, tries=tries)

    def check(model: Any, **_: Any) -> None:
        if (left := seconds_left() - ANSWER_SECONDS) < longest:
            raise OutOfTimeError(operation=model.name, longest=longest, left=max(left, 0))

    made.meta.events.register_first("before-call", check)
    return made
