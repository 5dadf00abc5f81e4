"""The one stage of an HTTP API: throttled, and with an access log."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import jsii
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_apigatewayv2 as apigwv2
from aws_cdk import aws_logs as logs

from ..vended_logs import vended_logs

if TYPE_CHECKING:
    from constructs import Construct

    from ..settings import NamedSettings


@dataclass(frozen=True, slots=True)
class Throttle:
    """How many requests an API accepts: the steady rate per second, and the largest burst."""

    per_second: int
    burst: int


# This limit protects against a runaway sender. It does not protect Step Functions, which starts 300
# executions a second by default: a POST may name ten targets, and the queue absorbs higher rates.
_SENDERS = Throttle(per_second=300, burst=600)

# The access log has the caller, route and result of each request, without bodies and headers. The
# path is left out, since anybody may send one of thousands of characters.
_ACCESS_LOG = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "ip": "$context.identity.sourceIp",
    "caller": "$context.identity.userArn",
    "senderId": "$context.authorizer.senderId",
    "keyId": "$context.authorizer.keyId",
    "routeKey": "$context.routeKey",
    "status": "$context.status",
    "latencyMs": "$context.responseLatency",
    "error": "$context.error.message",
    "integrationError": "$context.integrationErrorMessage",
}


def api_stage(
    scope: Construct,
    api: apigwv2.HttpApi,
    settings: NamedSettings,
    throttle: Throttle = _SENDERS,
) -> apigwv2.HttpStage:
    """Create the stage of an API, `Stage`, and its access log, `AccessLogs`; return the stage."""
    access_logs = vended_logs(scope, "AccessLogs", settings, service="apis")
    return apigwv2.HttpStage(
        scope,
        "Stage",
        http_api=api,
        auto_deploy=True,
        throttle=apigwv2.ThrottleSettings(
            rate_limit=throttle.per_second, burst_limit=throttle.burst
        ),
        access_log_settings=_AccessLogs(access_logs),
    )


# CDK's Python package has no class that implements this interface.
@jsii.implements(apigwv2.IAccessLogSettings)
class _AccessLogs:
    def __init__(self, log_group: logs.LogGroup) -> None:
        self._log_group = log_group

    @property
    def destination(self) -> apigwv2.IAccessLogDestination:
        return apigwv2.LogGroupLogDestination(self._log_group)

    @property
    def format(self) -> apigateway.AccessLogFormat:
        return apigateway.AccessLogFormat.custom(json.dumps(_ACCESS_LOG))
