"""A client of Homing's API for programs that send messages (docs/client.md).

    homing = Homing.from_stack("Homing")
    accepted = homing.send(endpoint_id="orders", payload={"total": 110})

The client needs no package except botocore. Importing it takes about 20 ms more than importing
boto3.
"""

from homing.client.answers import (
    Accepted,
    AcceptedDelivery,
    Delivery,
    MessageStatus,
    Redriven,
    RedrivenDelivery,
)
from homing.client.errors import (
    CallError,
    ConflictError,
    CredentialsError,
    ForbiddenError,
    NotFoundError,
    Problem,
    RejectedError,
    ResponseError,
    StackError,
    ThrottledError,
    UnavailableError,
    UnreachableError,
)
from homing.client.fields import MessageFields, RawJson
from homing.client.homing import Homing
from homing.client.many import BulkRedrive, FilterFields, ListedDelivery
from homing.client.retrying import Retrying

__all__ = [
    "Accepted",
    "AcceptedDelivery",
    "BulkRedrive",
    "CallError",
    "ConflictError",
    "CredentialsError",
    "Delivery",
    "FilterFields",
    "ForbiddenError",
    "Homing",
    "ListedDelivery",
    "MessageFields",
    "MessageStatus",
    "NotFoundError",
    "Problem",
    "RawJson",
    "Redriven",
    "RedrivenDelivery",
    "RejectedError",
    "ResponseError",
    "Retrying",
    "StackError",
    "ThrottledError",
    "UnavailableError",
    "UnreachableError",
]
