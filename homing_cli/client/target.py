"""The target of a command: the local cloud, or a stack in an AWS account."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session as BotocoreSession

from homing.stack_outputs import NotInStackError, homing_outputs
from homing_cli.errors import NoTargetError
from homing_cli.local.local_cloud import RECORD, STATE_DIR
from homing_cli.local.local_key import LocalKey, answers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Calls to the local cloud never use a proxy; throttled calls to AWS are retried.
_LOCAL_CONFIG = Config(proxies={}, retries={"total_max_attempts": 3, "mode": "standard"})
_ANSWER_SECONDS = 10
# A stack's ARN ends with `:stack/NAME/ID`; a stack's name has no slash.
_STACK = re.compile(r"(?P<stack>arn:[^/]+/[^/]+/[^/]+|[^/]+)(/(?P<construct>.+))?")
_AWS_CONFIG = Config(retries={"total_max_attempts": 5, "mode": "standard"})


class Outputs(dict[str, str]):
    """The outputs of a stack by name. Reading a missing output raises a helpful error."""

    def __missing__(self, name: str) -> NoReturn:
        raise NoTargetError(
            f"the stack has no output {name}: deploy this version of Homing, then run the command "
            "again"
        )


@dataclass(frozen=True, slots=True)
class Target:
    """A deployed Homing.

    Args:
        session: the credentials and the region.
        api_url: the base URL of the API for AWS credentials (IAM), without a trailing slash.
        sender_api_url: the base URL of the API for API keys, without a trailing slash.
        outputs: the stack's outputs (docs/cli.md, "Outputs of the stack").
        endpoint: the endpoint of all AWS services in the local cloud; None for AWS.
        messages_url: the function URL that accepts messages, without a trailing slash; None for a
            stack without one.
        key: the key that signs calls to the local cloud; None for AWS.
        smoke_url: the receiver of `homing smoke`; None for a stack without one.
    """

    session: boto3.Session
    api_url: str
    sender_api_url: str
    outputs: Mapping[str, str]
    endpoint: str | None = None
    messages_url: str | None = None
    key: LocalKey | None = None
    smoke_url: str | None = None

    def client(self, service: Any) -> Any:
        """Return a boto3 client for an AWS service."""
        config = _LOCAL_CONFIG if self.endpoint else _AWS_CONFIG
        return self.session.client(service, endpoint_url=self.endpoint, config=config)


def find_target(
    stack: str | None = None, region: str | None = None, profile: str | None = None
) -> Target:
    """Return the deployed Homing that a command acts on.

    Args:
        stack: the name or ARN of a CloudFormation stack; if it contains several Homings, followed
            by the path of the construct: `Shop/Webhooks`. None for the local cloud.
        region: the stack's region; None for the region set in the environment or the profile.
        profile: the AWS profile; None for the default profile.

    Raises:
        NoTargetError: when the stack, or the running local cloud, cannot be found.
    """
    if not stack:
        return _find_local_target()
    try:
        # boto3 reads only AWS_DEFAULT_REGION; the AWS CLI and CDK read AWS_REGION first.
        region = region or os.environ.get("AWS_REGION")
        return aws_target(boto3.Session(profile_name=profile, region_name=region), stack)
    except BotoCoreError as error:
        raise NoTargetError(f"stack {stack} cannot be read: {error}") from error


def local_target(record: Path) -> Target:
    """Return the local cloud that a file `local.json` describes.

    Raises:
        NoTargetError: when the file cannot be read or describes no local cloud.
    """
    try:
        found = json.loads(record.read_text())
        key = LocalKey.from_record(found)
        return Target(
            session=_local_session(key, found["region"]),
            api_url=found["apiUrl"],
            sender_api_url=found["senderApiUrl"],
            outputs=Outputs(found["outputs"]),
            endpoint=found["endpoint"],
            messages_url=found.get("messagesUrl"),
            key=key,
            smoke_url=found.get("smokeUrl"),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NoTargetError(f"{record} is unreadable: run `homing up`") from error


def aws_target(session: boto3.Session, stack: str) -> Target:
    """Return the target that the outputs of a stack describe.

    Raises:
        NoTargetError: when there is no such stack, no such Homing in it, or AWS refuses a request.
    """
    name, construct = _split(stack)
    client = session.client("cloudformation", config=_AWS_CONFIG)
    try:
        [found] = client.describe_stacks(StackName=name)["Stacks"]
    except (BotoCoreError, ClientError) as error:
        raise NoTargetError(f"stack {name} cannot be read: {error}") from error
    every = {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}
    try:
        outputs = Outputs(homing_outputs(every, construct))
    except NotInStackError as error:
        raise NoTargetError(f"stack {name} {error}") from error
    return Target(
        session=session,
        api_url=outputs["ApiUrl"].rstrip("/"),
        sender_api_url=outputs["SenderApiUrl"].rstrip("/"),
        outputs=outputs,
        messages_url=outputs["MessagesUrl"].rstrip("/") if "MessagesUrl" in outputs else None,
        smoke_url=outputs.get("SmokeUrl"),
    )


def _split(stack: str) -> tuple[str, str | None]:
    """Return the name or ARN of the stack, and the path of the construct if there is one."""
    if match := _STACK.fullmatch(stack):
        return match["stack"], match["construct"]
    return stack, None


def _local_session(key: LocalKey, region: str) -> boto3.Session:
    """Return a session that does not read the user's AWS profiles or files."""
    variables = dict.fromkeys(("profile", "ca_bundle"), (None, None, None, None))
    files = dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
    return boto3.Session(
        aws_access_key_id=key.access_key_id,
        aws_secret_access_key=key.secret_access_key,
        region_name=region,
        botocore_session=BotocoreSession(session_vars=variables | files),
    )


def _find_local_target() -> Target:
    """Return the running local cloud of the current folder or, without one, of a parent folder.

    The state of a local cloud that no longer runs is ignored.
    """
    for record in _records():
        found = local_target(record)
        if found.endpoint and found.key and answers(found.endpoint, found.key, _ANSWER_SECONDS):
            return found
    raise NoTargetError("there is no local cloud: run `homing up`, or name a stack with --stack")


def _records() -> Iterator[Path]:
    here = Path.cwd()
    folders = [folder / STATE_DIR.name for folder in (here, *here.parents)]
    paths = [folder / RECORD for folder in (*folders, STATE_DIR)]
    return (path for path in dict.fromkeys(paths) if path.is_file())
