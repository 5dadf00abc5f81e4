"""Logical ids that must not change: a new id is a new resource, and the old one is deleted.

A delivery that waits, for up to a year, keeps the definition with which it was started. This
contains the names of functions, the ledger and the dead-letter queue, which CloudFormation makes
from logical ids. If a state machine is deleted, its waiting executions are lost; with a queue its
messages, with a table its records, with a key all that was encrypted with it. A new API or function
URL has a different address, and a new topic has no subscribers. So a construct that is renamed, or
moved in the tree, must keep its old id by `override_logical_id` (docs/operations.md).
"""

from __future__ import annotations

from typing import Any

import pytest

LOGICAL_IDS = {
    "AWS::ApiGatewayV2::Api": {"ReceptionApiC652263D", "SendersApi598F9EE0"},
    "AWS::DynamoDB::Table": {
        "LedgerDeliveries8B7F7BD4",
        "LedgerLinesE7DE4342",
        "LedgerMessagesA3765AF5",
        "LedgerPlacesAE203848",
        "LedgerRedrives58826FD1",
        "RegistryEndpoints63C1D20E",
        "RegistryKeysB7562399",
        "RegistrySecretsD0F3C0A2",
    },
    "AWS::KMS::Key": {"RegistryKey1053ED4C"},
    "AWS::Lambda::Function": {
        "Endpoints1506DDEA",
        "ReceptionAccept575501A6",
        "ReceptionDispatch8D50E2F2",
        "ReceptionGetMessageD05783E8",
        "ReceptionRedriveED5E17F7",
        "SendersAuthorizeC10D1AFA",
        "WatchdogCFAE5DCA",
        "EventsOperationalEvents8A969E9C",
        "OrderingReleaseE93FFEFD",
        "WorkflowClassifyC84813A4",
        "WorkflowComputeBackoff4DC927EC",
        "WorkflowDeliver9AB801E3",
        "WorkflowRecordRetry13CA02B8",
    },
    "AWS::Lambda::Url": {"ReceptionAcceptFunctionUrl40DF9DFE"},
    "AWS::S3::Bucket": {"WorkflowPayloadsBucketD93F40F0"},
    "AWS::SNS::Topic": {"AlarmsTopic3A2DFEBA", "ReceptionWarmUpTopic2E28F4C9"},
    "AWS::SQS::Queue": {
        "ReceptionUndispatched44981BF8",
        "ReceptionDeliveries702DC1FE",
        "ReceptionBulk7A3FABD9",
        "WorkflowDeadLettersE3F2B813",
    },
    "AWS::StepFunctions::StateMachine": {
        "WorkflowFirstAttemptsC6314112",
        "WorkflowStateMachine8F1B1C15",
    },
}


@pytest.mark.parametrize("kind", LOGICAL_IDS)
def test_what_sleeping_deliveries_need_keeps_its_logical_id(stack: Any, kind: str) -> None:
    resources = stack.template["Resources"].items()
    assert LOGICAL_IDS[kind] <= {name for name, one in resources if one["Type"] == kind}


@pytest.mark.parametrize("kind", LOGICAL_IDS)
def test_every_resource_of_such_a_kind_is_held_to_its_id(stack: Any, kind: str) -> None:
    """A new resource is added to this list, and from then on its id may not change."""
    resources = stack.template["Resources"].items()
    assert {name for name, one in resources if one["Type"] == kind} <= LOGICAL_IDS[kind]
