"""The function for operational events reads two streams, and only changes that may matter."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tuned import TUNED

from homing.operational_events.deliveries import delivery_patterns
from homing.operational_events.endpoints import ENDPOINT_PATTERNS

if TYPE_CHECKING:
    from collections.abc import Callable

MAPPING, TABLE, POLICY = (
    "AWS::Lambda::EventSourceMapping",
    "AWS::DynamoDB::Table",
    "AWS::IAM::Policy",
)
FUNCTION = "Events/OperationalEvents"
STREAMED = {"Ledger/Deliveries", "Registry/Endpoints"}


def mappings(stack: Any) -> dict[str, dict[str, Any]]:
    """The event source mappings of the function, by the table whose stream they read."""
    found = [one["Properties"] for one in stack.resources(MAPPING).values()]
    ours = [one for one in found if stack.referred(one["FunctionName"]) == FUNCTION]
    return {stack.referred(one["EventSourceArn"]): one for one in ours}


def patterns(mapping: dict[str, Any]) -> list[Any]:
    return [json.loads(each["Pattern"]) for each in mapping["FilterCriteria"]["Filters"]]


def test_two_tables_have_streams_with_both_images(stack: Any) -> None:
    tables = stack.resources(TABLE)
    streamed = {
        path: one["Properties"]["StreamSpecification"]
        for path, one in tables.items()
        if "StreamSpecification" in one["Properties"]
    }
    assert streamed.keys() == STREAMED
    assert all(one == {"StreamViewType": "NEW_AND_OLD_IMAGES"} for one in streamed.values())


def test_lambda_filters_the_changes_and_repeats_a_batch_as_long_as_the_stream_has_it(
    stack: Any,
) -> None:
    found = mappings(stack)
    assert found.keys() == STREAMED
    assert patterns(found["Ledger/Deliveries"]) == delivery_patterns(delivered=False)
    assert patterns(found["Registry/Endpoints"]) == ENDPOINT_PATTERNS
    for one in found.values():
        assert one["StartingPosition"] == "TRIM_HORIZON"
        assert one["BisectBatchOnFunctionError"] is True
        assert not {"MaximumRetryAttempts", "MaximumRecordAgeInSeconds"} & one.keys()


def test_it_may_put_events_of_its_own_source_only(stack: Any) -> None:
    (statement,) = [
        statement
        for policy in stack.resources(POLICY).values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Action"] == "events:PutEvents"
    ]
    assert statement["Condition"] == {"StringEquals": {"events:source": "homing"}}


@pytest.mark.slow
def test_by_a_setting_every_delivery_that_succeeds_passes(synthesize: Callable[..., Any]) -> None:
    stack = synthesize(**TUNED)
    found = patterns(mappings(stack)["Ledger/Deliveries"])
    assert found == delivery_patterns(delivered=True)
    function = stack.properties("AWS::Lambda::Function", FUNCTION)
    assert function["Environment"]["Variables"]["DELIVERED_EVENTS"] == "true"
