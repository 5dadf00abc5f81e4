"""Saved Logs Insights queries over the functions' logs.

The CloudWatch console lists them under Logs Insights, in a folder with Homing's name. Every log
event of a delivery contains its `messageId`. To see the whole delivery, use `homing trace
MESSAGE_ID` or the search of `homing console`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from aws_cdk import aws_logs as logs
from constructs import Construct

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_cdk import CfnResource

    from ..apis.key_api import KeyApi
    from ..background.operational_events import OperationalEvents
    from ..background.release import Release
    from ..background.watchdog import Watchdog
    from ..reception.reception import Reception
    from ..settings import NamedSettings
    from ..workflow.workflow import Workflow

_ATTEMPTED = "message = 'delivery.attempted'"
_STORY = ("@timestamp", "messageId", "targetUrl", "attempt", "maxAttempts", "status", "reason")
_NEWEST_FIRST = "@timestamp desc"

# Queries by name, over the log groups that contain one event for each attempt.
_OF_ATTEMPTS: Mapping[str, logs.QueryString] = {
    "One message, attempt by attempt": logs.QueryString(
        fields=[*_STORY, "httpStatus", "durationMs", "nextDelaySeconds", "deliveryId"],
        filter_statements=[_ATTEMPTED, "messageId = 'PUT THE MESSAGE ID HERE'"],
        sort="@timestamp asc",
    ),
    "What failed for good": logs.QueryString(
        fields=[*_STORY, "senderId", "correlationId"],
        filter_statements=[_ATTEMPTED, "status in ['FAILED', 'MAX_RETRIES_EXCEEDED']"],
        sort=_NEWEST_FIRST,
        limit=200,
    ),
    "Which endpoints fail most": logs.QueryString(
        filter_statements=[_ATTEMPTED, "decision != 'DELIVERED'"],
        stats_statements=["count(*) as attempts, latest(reason) as lately by targetUrl, category"],
        sort="attempts desc",
        limit=50,
    ),
    "Which endpoints are slow": logs.QueryString(
        filter_statements=[_ATTEMPTED],
        stats_statements=[
            "count(*) as attempts, pct(durationMs, 50) as p50, max(durationMs) as most by targetUrl"
        ],
        sort="most desc",
        limit=50,
    ),
    "How deep retries go": logs.QueryString(
        filter_statements=[_ATTEMPTED],
        stats_statements=["count(*) as attempts by attempt, decision"],
        sort="attempt asc",
    ),
}
# Queries by name, over the logs of all functions.
_OF_EVERYTHING: Mapping[str, logs.QueryString] = {
    "Everything about one message": logs.QueryString(
        fields=["@timestamp", "message", "deliveryId", "status", "reason", "@log"],
        filter_statements=["messageId = 'PUT THE MESSAGE ID HERE'"],
        sort="@timestamp asc",
    ),
    "Errors of our own": logs.QueryString(
        fields=["@timestamp", "message", "messageId", "reason", "exception", "@log"],
        filter_statements=["level in ['ERROR', 'CRITICAL'] or @message like /Task timed out/"],
        sort=_NEWEST_FIRST,
        limit=100,
    ),
    "Attempts missing from the ledger": logs.QueryString(
        fields=["@timestamp", "messageId", "deliveryId", "attempt", "reason"],
        filter_statements=["message = 'ledger.unrecorded'"],
        sort=_NEWEST_FIRST,
        limit=200,
    ),
}

# Queries by name, over the logs of both workflows: the events that ExecutionBroken counts
# (stacks/workflow/workflow.py).
_OF_EXECUTIONS: Mapping[str, logs.QueryString] = {
    "Broken executions": logs.QueryString(
        fields=["@timestamp", "type", "details.error", "details.cause", "execution_arn"],
        filter_statements=[
            "type in ['ExecutionFailed', 'ExecutionAborted', 'ExecutionTimedOut']",
            "type != 'ExecutionFailed' or details.error not in ['FAILED', 'MAX_RETRIES_EXCEEDED']",
        ],
        sort=_NEWEST_FIRST,
        limit=200,
    ),
}

# The query of a table in the dashboard.
RETRY_DEPTH = _OF_ATTEMPTS["How deep retries go"]


class Queries(Construct):
    """The saved queries.

    Args:
        settings: the name of Homing, which is also the folder of the queries.
        reception: the functions that accept messages.
        senders: the function that checks keys, and those behind the key API.
        workflow: the functions of the workflow.
        watchdog: the function `watchdog`.
        operational_events: the function `operational_events`.
        release: the function that queues the next deliveries of lines.
    """

    def __init__(  # noqa: PLR0913 -- keyword arguments only
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: NamedSettings,
        reception: Reception,
        senders: KeyApi,
        workflow: Workflow,
        watchdog: Watchdog,
        operational_events: OperationalEvents,
        release: Release,
    ) -> None:
        super().__init__(scope, construct_id)
        groups = (reception, senders, workflow, watchdog, operational_events, release)
        functions = [each for group in groups for each in group.functions]
        everything = [each.log_group for each in dict.fromkeys(functions)]
        self._everything = len(everything)
        for name, query in _OF_ATTEMPTS.items():
            self._save(settings, name, query, workflow.attempt_logs)
        self._of_everything = [
            self._save(settings, name, query, everything) for name, query in _OF_EVERYTHING.items()
        ]
        for name, query in _OF_EXECUTIONS.items():
            self._save(settings, name, query, [workflow.log_group])

    def include(self, group: logs.ILogGroup) -> None:
        """Add a log group to the queries that search the logs of all functions."""
        for query in self._of_everything:
            node = cast("CfnResource", query.node.default_child)
            node.add_property_override(f"LogGroupNames.{self._everything}", group.log_group_name)
        self._everything += 1

    def _save(
        self,
        settings: NamedSettings,
        name: str,
        query: logs.QueryString,
        groups: Sequence[logs.ILogGroup],
    ) -> logs.QueryDefinition:
        return logs.QueryDefinition(
            self,
            "".join(word.strip(",").capitalize() for word in name.split()),
            query_definition_name=f"{settings.name}/{name}",  # a query is found by its name
            query_string=query,
            log_groups=list(groups),
        )
