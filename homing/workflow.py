"""The delivery workflow, as `dispatch` sees it: executions that are started once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from homing.delivery import Delivery
from homing.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

_CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "max_attempts": 4})


@dataclass(frozen=True, slots=True)
class Started:
    """A delivery whose execution exists; `is_new` is False where it had been started before."""

    delivery_id: str
    message_id: str
    sender_id: str
    correlation_id: str
    is_new: bool


class Workflow:
    """Starts executions of the delivery workflow.

    Args:
        state_machine_arn: the Standard state machine.
        client: a Step Functions client; made where none is given.
    """

    def __init__(self, state_machine_arn: str, client: SFNClient | None = None) -> None:
        self._state_machine_arn = state_machine_arn
        self._client = client or boto3.client("stepfunctions", config=_CONFIG)

    def start(self, body: str) -> Started:
        """Start the execution of a delivery document, named after the delivery.

        A name that is taken means that the delivery had been handed over before, which is success.

        Raises:
            MalformedDeliveryError: when the body is no delivery document.
            botocore.exceptions.ClientError: when the execution could not be started.
        """
        reference = _parse(body).reference
        try:
            self._client.start_execution(
                stateMachineArn=self._state_machine_arn, name=reference.delivery_id, input=body
            )
            is_new = True
        except self._client.exceptions.ExecutionAlreadyExists:
            is_new = False
        return Started(
            delivery_id=reference.delivery_id,
            message_id=reference.message_id,
            sender_id=reference.sender_id,
            correlation_id=reference.correlation_id,
            is_new=is_new,
        )


def _parse(body: str) -> Delivery:
    try:
        document = json.loads(body)
    except ValueError as error:
        raise MalformedDeliveryError(f"not JSON: {error}") from error
    return Delivery.from_document(document)
