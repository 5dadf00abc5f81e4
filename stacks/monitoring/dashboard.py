"""The dashboard: what needs attention at the top, and the details below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from .alarms import console_command
from .metrics import at_url, emitted
from .queries import RETRY_DEPTH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_cdk import aws_apigatewayv2 as apigwv2
    from aws_cdk import aws_sqs as sqs

    from ..apis.key_api import KeyApi
    from ..background.operational_events import OperationalEvents
    from ..background.release import Release
    from ..background.watchdog import Watchdog
    from ..functions.function import PythonFunction
    from ..reception.ingest import Ingest
    from ..reception.reception import Reception
    from ..settings import NamedSettings
    from ..workflow.workflow import Workflow
    from .alarms import Alarms

_HALF, _WHOLE = 12, 24
_MINUTE = Duration.minutes(1)


class Dashboard(Construct):
    """A CloudWatch dashboard. CloudFormation chooses its name, the attribute `name`.

    Args:
        settings: the metrics namespace.
        reception: the API, the queue and their functions.
        senders: the API of senders with keys, and its functions.
        workflow: the state machine, its functions, the dead-letter queue and the ledger.
        watchdog: the function `watchdog`.
        operational_events: the function `operational_events`.
        release: the function that queues the next deliveries of lines.
        alarms: the alarms, which are shown at the top.
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
        alarms: Alarms,
    ) -> None:
        super().__init__(scope, construct_id)
        groups = (reception, senders, workflow, watchdog, operational_events, release)
        functions = dict.fromkeys(each for group in groups for each in group.functions)
        self._dashboard = cloudwatch.Dashboard(
            self,
            "Dashboard",
            default_interval=Duration.hours(3),
            widgets=[
                [_alarm_states("Alarms", alarms.all)],
                [_console(console_command(self))],
                [_attempts(settings), _latency(settings)],
                [_success_rate(settings), _retry_depth(workflow)],
                [
                    _queue("Delivery queue", reception.queue, "being dispatched"),
                    _queue("Bulk queue", reception.bulk_queue, "being dispatched"),
                ],
                [
                    _set_aside(
                        "Dead letters",
                        {
                            "dead letters": workflow.dead_letter_queue,
                            "undispatched messages": reception.dead_letter_queue,
                        },
                    ),
                ],
                [_executions(workflow), _ledger(settings, workflow)],
                [_messages(settings), _function_faults([*functions])],
                [_watchdog(settings), _operational_events(settings, operational_events)],
                [
                    _requests("API under IAM", reception.stage),
                    _requests("API of senders with keys", senders.stage),
                ],
                [_at_messages_url(reception)] if reception.messages_url else [],
            ],
        )
        self.name = self._dashboard.dashboard_name

    def show_ingest(self, ingest: Ingest, alarms: Sequence[cloudwatch.Alarm]) -> None:
        """Show the function `ingest` and the messages that it does not accept."""
        self._dashboard.add_widgets(_alarm_states("Alarms of the function ingest", alarms))
        self._dashboard.add_widgets(
            _set_aside("Unaccepted messages", {"unaccepted messages": ingest.unaccepted}),
            _function_faults([ingest.function]),
        )

    def show_ingest_queue(self, queue: sqs.Queue, alarm: cloudwatch.Alarm) -> None:
        """Show an ingest queue."""
        self._dashboard.add_widgets(
            _alarm_states(f"Alarm of Ingest{queue.node.id}", [alarm], width=_HALF, height=6),
            _queue(f"Ingest{queue.node.id}", queue, "being accepted"),
        )


def _console(command: str) -> cloudwatch.IWidget:
    text = f"**What is wrong now**, by endpoint and cause, and how to send it again: `{command}`"
    return cloudwatch.TextWidget(markdown=text, width=_WHOLE, height=1)


def _alarm_states(
    title: str, alarms: Sequence[cloudwatch.Alarm], *, width: int = _WHOLE, height: int = 4
) -> cloudwatch.IWidget:
    return cloudwatch.AlarmStatusWidget(
        alarms=list(alarms), title=title, width=width, height=height
    )


def _graph(
    title: str,
    left: Sequence[cloudwatch.IMetric],
    right: Sequence[cloudwatch.IMetric],
) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(
        title=title, left=list(left), right=list(right), width=_HALF, height=6
    )


def _attempts(settings: NamedSettings) -> cloudwatch.IWidget:
    made = emitted(settings, "AttemptMade", period=_MINUTE)
    verdicts = [
        emitted(settings, name, period=_MINUTE)
        for name in ("Delivered", "RetryScheduled", "DeliveryFailed")
    ]
    return _graph("Attempts a minute, by verdict", verdicts, [made])


def _latency(settings: NamedSettings) -> cloudwatch.IWidget:
    percentiles = [
        emitted(settings, "AttemptLatency", statistic=statistic, period=_MINUTE).with_(
            label=statistic
        )
        for statistic in ("p50", "p90", "p99")
    ]
    return _graph("Latency of an attempt (ms)", percentiles, [])


def _success_rate(settings: NamedSettings) -> cloudwatch.IWidget:
    ended = {
        "delivered": emitted(settings, "Delivered", period=_MINUTE),
        "failed": emitted(settings, "DeliveryFailed", period=_MINUTE),
    }
    rate = cloudwatch.MathExpression(
        expression="100 * delivered / (delivered + failed)",
        using_metrics=ended,
        label="delivered, as a share of ended deliveries (%)",
        period=_MINUTE,
    )
    return _graph("Success rate", [rate], [])


def _retry_depth(workflow: Workflow) -> cloudwatch.IWidget:
    """Return a table that counts attempts by attempt number, from the logs: no metric does."""
    lines = RETRY_DEPTH.to_string()
    return cloudwatch.LogQueryWidget(
        title="Retry depth: attempts by number and verdict",
        log_group_names=[group.log_group_name for group in workflow.attempt_logs],
        query_string=lines,
        view=cloudwatch.LogQueryVisualizationType.TABLE,
        width=_HALF,
        height=6,
    )


def _queue(title: str, queue: sqs.Queue, in_flight: str) -> cloudwatch.IWidget:
    counts = [
        queue.metric_approximate_number_of_messages_visible(label="waiting"),
        queue.metric_approximate_number_of_messages_not_visible(label=in_flight),
    ]
    age = queue.metric_approximate_age_of_oldest_message(label="age of the oldest (s)")
    return _graph(title, counts, [age])


def _set_aside(title: str, queues: Mapping[str, sqs.Queue]) -> cloudwatch.IWidget:
    return _graph(
        title,
        [q.metric_approximate_number_of_messages_visible(label=name) for name, q in queues.items()],
        [
            q.metric_approximate_age_of_oldest_message(label=f"age of the oldest of {name} (s)")
            for name, q in queues.items()
        ],
    )


def _executions(workflow: Workflow) -> cloudwatch.IWidget:
    machine, express_path = workflow.state_machine, workflow.first_attempts
    first_attempts = (
        [
            express_path.metric_started(label="first attempts started"),
            express_path.metric_failed(label="first attempts failed"),
        ]
        if express_path
        else []
    )
    return _graph(
        "Executions",
        [
            machine.metric_started(label="started"),
            machine.metric_succeeded(label="succeeded"),
            machine.metric_failed(label="failed"),
            machine.metric_throttled(label="throttled transitions"),
            *first_attempts,
        ],
        [workflow.execution_broken.with_(label="broken")],
    )


def _ledger(settings: NamedSettings, workflow: Workflow) -> cloudwatch.IWidget:
    table = workflow.ledger.table
    faults = [
        emitted(settings, "LedgerWriteFailed").with_(label="retries unrecorded"),
        workflow.ledger_try_failed.with_(label="failed tries of terminal records"),
        table.metric("WriteThrottleEvents", statistic="sum", label="throttled writes"),
    ]
    units = [
        table.metric_consumed_write_capacity_units(label="write units"),
        table.metric_consumed_read_capacity_units(label="read units"),
    ]
    return _graph("Ledger", units, faults)


def _watchdog(settings: NamedSettings) -> cloudwatch.IWidget:
    taken_up = emitted(settings, "DeliveryTakenUp").with_(label="deliveries taken up")
    faults = [
        emitted(settings, "WatchdogFailed").with_(label="deliveries not examined"),
        emitted(settings, "DeliveryLost").with_(label="deliveries lost"),
    ]
    return _graph("Watchdog", [taken_up], faults)


def _operational_events(
    settings: NamedSettings, operational_events: OperationalEvents
) -> cloudwatch.IWidget:
    function = operational_events.function
    return _graph(
        "Operational events",
        [
            function.metric_invocations(label="batches"),
            emitted(settings, "OperationalEventRefused").with_(label="events refused"),
        ],
        [
            function.metric(
                "IteratorAge", statistic="Maximum", label="age of the latest change (ms)"
            )
        ],
    )


def _messages(settings: NamedSettings) -> cloudwatch.IWidget:
    names = ("MessageAccepted", "MessageUnmatched", "MessageDuplicate", "MessageRejected")
    faults = ("AcceptanceFailed", "DispatchFailed")
    return _graph(
        "Messages handed over",
        [emitted(settings, name) for name in names],
        [emitted(settings, name) for name in faults],
    )


def _requests(title: str, stage: apigwv2.IHttpStage) -> cloudwatch.IWidget:
    counts = [
        stage.metric_count(label="requests"),
        stage.metric_client_error(label="4xx"),
        stage.metric_server_error(label="5xx"),
    ]
    return _graph(title, counts, [stage.metric_latency(statistic="p99", label="p99 latency (ms)")])


def _at_messages_url(reception: Reception) -> cloudwatch.IWidget:
    counts = [
        at_url(reception.accept, name, label=label)
        for name, label in (
            ("UrlRequestCount", "requests"),
            ("Url4xxCount", "4xx"),
            ("Url5xxCount", "5xx"),
        )
    ]
    # AWS recommends the average or the maximum of this metric, and documents no percentiles.
    latency = at_url(
        reception.accept, "UrlRequestLatency", label="longest (ms)", statistic="Maximum"
    )
    return _graph("Messages at the function URL", counts, [latency])


def _function_faults(functions: Sequence[PythonFunction]) -> cloudwatch.IWidget:
    return _graph(
        "Errors and throttles of functions",
        [function.metric_errors(label=function.node.id) for function in functions],
        [
            function.metric_throttles(label=f"{function.node.id} throttled")
            for function in functions
        ],
    )
