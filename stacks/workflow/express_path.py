"""The Express workflow for first attempts, derived from the definition of the delivery workflow.

AWS charges for every transition of a Standard workflow, and much less for an Express workflow. Most
messages arrive at the first attempt, so first attempts run as Express executions. Only a delivery
that must wait continues in the Standard workflow (docs/architecture.md, "The express path").
"""

from __future__ import annotations

import copy
from typing import Any

from homing.ledger.record import EXPRESS_PATH

START = "Deliver"
WAIT = "WaitUntilDue"
CLAIM = "claim"
HAND_OFF = "HandOff"
HANDED_OFF = "HandedOff"
RECORDED = "Recorded"
UNRECORDED = "Unrecorded"
POSTPONED = "Postponed"

# The maximum number of retries of a state in an Express execution. The number is low because an
# Express execution may run for only five minutes.
RETRY_LIMIT = 3

# The output of the execution if it ends with a hand-off: the kind of end, and the response time.
_HANDED_OFF_OUTPUT = {
    "end": "HANDED_OFF",
    "responseTime": "{% $states.input.outcome.responseTime %}",
}

_HAND_OFF: dict[str, Any] = {
    "Comment": "The retry is recorded. Hand off to the Standard workflow, which retries.",
    "Type": "Task",
    "Resource": "arn:${Partition}:states:::states:startExecution",
    "Arguments": {
        "StateMachineArn": "${DeliveryStateMachine}",
        "Name": "{% $states.input.reference.deliveryId %}",
        "Input": "{% $states.input %}",
    },
    "Retry": [
        {
            "ErrorEquals": [
                "StepFunctions.ExecutionAlreadyExistsException",
                "ExecutionAlreadyExists",
            ],
            "MaxAttempts": 0,
        },
        {
            "ErrorEquals": ["States.ALL"],
            "IntervalSeconds": 1,
            "MaxAttempts": RETRY_LIMIT,
            "BackoffRate": 2.0,
            "JitterStrategy": "FULL",
        },
    ],
    "Catch": [
        {
            "Comment": "The Standard execution has been started before.",
            "ErrorEquals": [
                "StepFunctions.ExecutionAlreadyExistsException",
                "ExecutionAlreadyExists",
            ],
            "Output": _HANDED_OFF_OUTPUT,
            "Next": HANDED_OFF,
        }
    ],
    "Output": _HANDED_OFF_OUTPUT,
    "Next": HANDED_OFF,
}


# With this output, the execution leaves a delivery that must wait, and that no execution has, to
# `dispatch`, which starts a Standard execution for it. `next` contains the fields of the delivery
# document that change.
_POSTPONED_OUTPUT: dict[str, Any] = {"end": "POSTPONED", "next": {}, "responseTime": None}
_NO_SLOT_OUTPUT = {**_POSTPONED_OUTPUT, "next": "{% $states.input.outcome.next %}"}
_UNRECORDED_OUTPUT = {
    "end": "POSTPONED",
    "next": {
        name: f"{{% $states.input.{name} %}}"
        for name in ("attemptNumber", "attempts", "dueAt", "expiresAt", "previousDelaySeconds")
    },
    "responseTime": "{% $states.input.outcome.responseTime %}",
}

# If a function is throttled, the Standard workflow makes the attempt instead, since the express
# path cannot wait for a function. If `Deliver` was throttled, nothing has been sent. If another
# function was, the request is sent again unless its response was a 2xx (docs/decisions/0069).
_THROTTLED = ["Lambda.TooManyRequestsException"]
_WITHOUT_A_FUNCTION: dict[str, dict[str, Any]] = {
    "Deliver": {"ErrorEquals": _THROTTLED, "Output": _POSTPONED_OUTPUT, "Next": POSTPONED},
    "Classify": {
        "ErrorEquals": _THROTTLED,
        "Output": (
            "{% $merge([$states.input, {'verdict':"
            " $states.input.outcome.fallback.status = 'FAILED' ? {'status': 'UNJUDGED'}"
            " : $merge([$states.input.outcome.fallback,"
            " {'reason': 'Classify failed: ' & $states.errorOutput.Error}])}]) %}"
        ),
        "Next": "WhatNext",
    },
    "ComputeBackoff": {"ErrorEquals": _THROTTLED, "Output": _POSTPONED_OUTPUT, "Next": POSTPONED},
}


_UNJUDGED: dict[str, Any] = {
    "Condition": "{% $states.input.verdict.status = 'UNJUDGED' %}",
    "Output": _POSTPONED_OUTPUT,
    "Next": POSTPONED,
}

# The delivery is handed off only if RecordRetry reports that the retry is recorded. With any other
# result, the delivery may have no owner on record.
_RECORDED: dict[str, Any] = {
    "Comment": (
        "Three cases: the retry is recorded, another worker continues, or no execution has it."
    ),
    "Type": "Choice",
    "Choices": [
        {"Condition": "{% $states.input.record.result = 'RECORDED' %}", "Next": HAND_OFF},
        {"Condition": "{% $states.input.record.result = 'REPLAYED' %}", "Next": HAND_OFF},
        {
            "Condition": "{% $states.input.record.result = 'SUPERSEDED' %}",
            "Output": {"end": "SUPERSEDED"},
            "Next": "Superseded",
        },
    ],
    "Default": UNRECORDED,
}

# The Express workflow has no Wait state. For each state with a transition to it, this is the state
# to which that transition leads instead.
_INSTEAD_OF_WAIT = {"RecordRetry": RECORDED, "WhatNext": POSTPONED}


def first_attempt_definition(delivery: dict[str, Any], *, timeout_seconds: int) -> dict[str, Any]:
    """Return the Express definition, derived from the definition of the delivery workflow.

    It differs from that definition as follows:

    - It starts at `Deliver`, without an attempt claim.
    - It records retries and failures with the execution name of the express path.
    - If a delivery must wait for a retry that is recorded, it is handed off to the Standard
      workflow. If it must wait and no retry is recorded, or if a function is throttled, the
      execution ends as postponed.
    - It times out after `timeout_seconds`, and retries each state at most `RETRY_LIMIT` times.

    The argument `delivery` is not changed.
    """
    definition = copy.deepcopy(delivery)
    states = definition["States"]
    del states[WAIT], states[START]["Arguments"]["Payload"][CLAIM]
    states["RecordRetry"]["Arguments"]["Payload"]["executionName"] = EXPRESS_PATH
    values = states["RecordFailure"]["Arguments"]["ExpressionAttributeValues"]
    values[":executionName"] = {"S": EXPRESS_PATH}
    for name, state in states.items():
        _redirect(state, _INSTEAD_OF_WAIT.get(name))
        for retrier in state.get("Retry", []):
            retrier["MaxAttempts"] = min(retrier["MaxAttempts"], RETRY_LIMIT)
    for name, catcher in _WITHOUT_A_FUNCTION.items():
        states[name]["Catch"].insert(0, copy.deepcopy(catcher))
    states["WhatNext"]["Choices"].insert(0, copy.deepcopy(_UNJUDGED))
    states[RECORDED] = copy.deepcopy(_RECORDED)
    states[HAND_OFF] = copy.deepcopy(_HAND_OFF)
    states[HANDED_OFF] = {"Type": "Succeed"}
    states[POSTPONED] = {"Type": "Succeed"}
    states[UNRECORDED] = {"Type": "Succeed", "Output": copy.deepcopy(_UNRECORDED_OUTPUT)}
    definition["Comment"] = "The first attempt of a delivery, at Express prices."
    definition["StartAt"] = START
    definition["TimeoutSeconds"] = timeout_seconds
    return definition


def _redirect(state: dict[str, Any], instead: str | None) -> None:
    """Let each transition that leads to the Wait state lead to the state `instead`."""
    for holder in (state, *state.get("Choices", []), *state.get("Catch", [])):
        for arrow in ("Next", "Default"):
            if holder.get(arrow) == WAIT:
                holder[arrow] = instead
                if instead == POSTPONED:
                    holder["Output"] = copy.deepcopy(_NO_SLOT_OUTPUT)
