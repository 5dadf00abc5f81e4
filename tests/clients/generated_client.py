"""What the user of a generated client does: create an endpoint, send, read, list.

It runs in the generator's environment, with the generated package on the path:
`python generated_client.py URL`.
"""

from __future__ import annotations

import sys

from homing_client import AuthenticatedClient
from homing_client.api.default import (
    get_health,
    get_message,
    list_endpoints,
    post_message,
    put_endpoint,
    rotate_secret,
)
from homing_client.models import (
    AcceptedMessage,
    EndpointList,
    EndpointRequest,
    Health,
    MessageRequest,
    MessageState,
    NewEndpoint,
    PolicyRequest,
    Problem,
    RotatedSecret,
    RotationRequest,
)

client = AuthenticatedClient(sys.argv[1], token="hmg_x", raise_on_unexpected_status=True)

assert isinstance(get_health.sync(client=client), Health)

endpoint = EndpointRequest(url="https://example.com/hooks", attempts_at_once=5)
made = put_endpoint.sync("orders", client=client, body=endpoint)
assert isinstance(made, NewEndpoint)
assert made.sender_id == "shop"
rotated = rotate_secret.sync("orders", client=client, body=RotationRequest(grace_seconds=60))
assert isinstance(rotated, RotatedSecret)
assert rotated.secret != made.secret

message = MessageRequest(
    payload={"total": 1.1}, endpoint_id="orders", policy=PolicyRequest(max_attempts=5)
)
accepted = post_message.sync(client=client, body=message)
assert isinstance(accepted, AcceptedMessage)
# The sender that the key belongs to, which the client has not named.
assert accepted.sender_id == "shop"
read = get_message.sync(accepted.message_id, client=client)
assert isinstance(read, MessageState)
assert read.deliveries[0].status.value == "QUEUED"

listed = list_endpoints.sync(client=client)
assert isinstance(listed, EndpointList)
assert [each.endpoint_id for each in listed.endpoints] == ["orders"]

refused = post_message.sync(client=client, body=MessageRequest(payload=1))
assert isinstance(refused, Problem)
assert [each.field for each in refused.errors] == ["targetUrl"]
