"""The cost of limits (the rate of an endpoint or a sender) and of order per key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homing_cli.cost.billing import function_gb_seconds
from homing_cli.cost.counts import End
from homing_cli.cost.workload import MILLION

if TYPE_CHECKING:
    from homing_cli.cost.model import Model
    from homing_cli.cost.workload import Workload

# WaitUntilDue, Deliver, Classify, WhatNext
_STATES_OF_A_WAIT = 4
# `release` makes up to six calls to DynamoDB and SQS, some milliseconds each, at 256 MB.
_RELEASE_GB_SECONDS = 0.05 / 4


def limit_dollars(model: Model, workload: Workload) -> dict[str, float]:
    """Return the cost that limits add, by kind of item, in dollars per million items.

    A postponed attempt waits in the Standard workflow. A postponed first attempt must be moved
    there, as a retry is, so it costs at most as much as a retry.
    """
    prices, assumed = model.prices, model.assumptions
    deliver = assumed.functions["Deliver"]
    write = prices["dynamodb.writeUnits"].of(MILLION)
    again = prices["lambda.requests"].of(2 * MILLION) + prices["lambda.gbSeconds"].of(
        sum(
            function_gb_seconds(each, each.ms, assumed)
            for each in (deliver, assumed.functions["Classify"])
        )
        * MILLION
    )
    states = prices["standard.transitions"].of(_STATES_OF_A_WAIT * MILLION)
    read = prices["dynamodb.readUnits"].of(MILLION)
    at_once, at_second = (model.of_scenario(workload, End.DELIVERED, n) for n in (1, 2))
    waiting = prices["lambda.gbSeconds"].of(deliver.memory_mb / 1024 * MILLION)
    express = prices["express.gbSeconds"].of(assumed.express.memory_mb / 1024 * MILLION)
    return {
        "requests of a sender with a rate limit": write,
        "attempts at an endpoint with a rate limit": sum(
            prices[name].of(count * MILLION) for name, count in model.counts["on"].rated.items()
        ),
        "seconds that attempts wait for a slot in Deliver": waiting + express,
        "first attempts that are postponed, at most": at_second - at_once + read,
        "later attempts that are postponed": states + again + write + read,
    }


def ordering_dollars(model: Model) -> dict[str, float]:
    """Return the cost that an `orderingKey` adds, in dollars per million messages.

    Messages that wait behind another one, and messages that do not, are listed separately. One
    invocation of `release` is counted for each message, although one may serve several messages.
    """
    prices, ordered = model.prices, model.counts["on"].ordered
    release = prices["lambda.requests"].of(MILLION) + prices["lambda.gbSeconds"].of(
        _RELEASE_GB_SECONDS * MILLION
    )
    units = ("dynamodb.writeUnits", "dynamodb.readUnits")
    return {
        f"messages with an orderingKey that wait for {what}": release
        + sum(prices[unit].of(ordered[name][unit] * MILLION) for unit in units)
        for name, what in (("alone", "no other"), ("behind", "another"))
    }
