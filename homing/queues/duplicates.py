"""The mark of a queue message that may not be the first of its delivery (docs/decisions/0006).

Within five minutes the queue itself drops such a message. Later the delivery may be waiting in the
Standard workflow without a record, so `dispatch` has to look for its execution.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef

_NAME = "duplicate"

# The `MessageAttributes` of a message that is put on the queue anew.
DUPLICATE: Mapping[str, MessageAttributeValueTypeDef] = {
    _NAME: {"DataType": "String", "StringValue": "true"}
}


def is_duplicate(attributes: Mapping[str, Any]) -> bool:
    """Return whether the `messageAttributes` of an SQS record have the mark."""
    return _NAME in attributes
