"""The calls that `homing smoke` makes to a deployed Homing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session

from homing.client import Homing, Retrying
from homing.endpoints.verification import SECRET_HEADER

if TYPE_CHECKING:
    from homing.client import Accepted, Delivery
    from homing_cli.client.target import Target

# A separate sender, so that its endpoints and messages are kept apart from those of real senders.
SENDER = "homing-smoke"
_TIMEOUT_SECONDS = 10
_RETRYING = Retrying(timeout=30, give_up_after=5)
_POLICY = {"maxAttempts": 3, "baseDelaySeconds": 1, "jitter": "none"}


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """How many subscriptions a topic has: confirmed ones, and those that await confirmation."""

    confirmed: int
    pending: int


class Probes:
    """Makes the calls of the checks. Each method raises errors of the API client or of botocore.

    Args:
        target: the deployed Homing.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._homing = Homing(
            target.api_url,
            messages_url=target.messages_url,
            session=target.session,
            region=target.session.region_name,
            retrying=_RETRYING,
        )

    @property
    def is_local(self) -> bool:
        """Whether the deployed Homing is in a local cloud, which sends no notifications."""
        return self._target.endpoint is not None

    @property
    def receiver_url(self) -> str | None:
        """The URL of the stack's own receiver; None if the stack was deployed without one."""
        return self._target.smoke_url

    def caller(self) -> str:
        """Return the ARN of the caller. Every caller may make this call."""
        arn: str = self._target.client("sts").get_caller_identity()["Arn"]
        return arn

    def health(self) -> None:
        """Check that the API responds."""
        self._homing.request("GET", "/v1/health")

    def receiver(self) -> int:
        """Return the receiver's status code for a request without a secret."""
        http = URLLib3Session(timeout=_TIMEOUT_SECONDS)
        return int(http.send(AWSRequest("POST", self.receiver_url).prepare()).status_code)

    def create_endpoint(self, endpoint_id: str) -> None:
        """Create an endpoint for the receiver.

        Requests to it have a header with the endpoint's signing secret, with which the receiver
        verifies them.
        """
        secret = self._endpoint("PUT", endpoint_id, {"url": self.receiver_url})["secret"]
        self._endpoint("PATCH", endpoint_id, {"headers": {SECRET_HEADER: secret}})

    def delete_endpoint(self, endpoint_id: str) -> None:
        """Delete the endpoint."""
        self._endpoint("DELETE", endpoint_id)

    def send(self, endpoint_id: str) -> Accepted:
        """Send a message to the endpoint, like any other sender."""
        return self._homing.send(
            endpoint_id=endpoint_id,
            sender_id=SENDER,
            event_type="homing.smoke",
            payload={"type": "homing.smoke"},
            policy=_POLICY,
        )

    def delivery(self, message_id: str) -> Delivery:
        """Return the delivery of the message, as recorded in the ledger."""
        (delivery,) = self._homing.message(message_id, sender_id=SENDER).deliveries
        return delivery

    def trigger(self) -> str:
        """Return the state of the event source mapping that triggers `dispatch`, e.g. `Enabled`."""
        queue = self._attributes("DeliveryQueueUrl", "QueueArn")["QueueArn"]
        functions = self._target.client("lambda")
        found = functions.list_event_source_mappings(EventSourceArn=queue)["EventSourceMappings"]
        return ", ".join(mapping["State"] for mapping in found) or "missing"

    def waiting(self, queue: str) -> int:
        """Return the approximate number of messages in a queue; `queue` names a stack output."""
        return int(
            self._attributes(queue, "ApproximateNumberOfMessages")["ApproximateNumberOfMessages"]
        )

    def subscriptions(self) -> Subscriptions:
        """Return how many subscriptions the topic of alarms has."""
        sns, topic = self._target.client("sns"), self._target.outputs["AlarmTopicArn"]
        found = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        pending = sum(one["SubscriptionArn"] == "PendingConfirmation" for one in found)
        return Subscriptions(len(found) - pending, pending)

    def _attributes(self, queue: str, name: str) -> dict[str, str]:
        sqs = self._target.client("sqs")
        found: dict[str, str] = sqs.get_queue_attributes(
            QueueUrl=self._target.outputs[queue], AttributeNames=[name]
        )["Attributes"]
        return found

    def _endpoint(self, method: str, endpoint_id: str, body: Any = None) -> Any:
        path = f"/v1/endpoints/{endpoint_id}?{urlencode({'senderId': SENDER})}"
        content = b"" if body is None else json.dumps(body).encode()
        return self._homing.request(method, path, content).document
