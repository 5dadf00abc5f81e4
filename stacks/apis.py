"""The APIs: an HTTP API under IAM for calls from within AWS, one for senders with API keys.

Both have the same routes and the same functions behind them. What differs is who is let in, and
that a sender's key acts for that sender only. Beside the one under IAM is a third, for messages
alone: the function URL of `accept`, which charges nothing for a request (docs/decisions/0035).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Duration, Fn
from aws_cdk import aws_apigatewayv2 as apigwv2
from aws_cdk import aws_lambda as lambda_
from aws_cdk.aws_apigatewayv2_authorizers import HttpLambdaAuthorizer, HttpLambdaResponseType
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from constructs import Construct

from homing.timeouts import AUTHORIZER_SECONDS
from stacks.api_stage import api_stage
from stacks.exceptions import except_from
from stacks.function import PythonFunction
from stacks.table import grant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stacks.registry import Registry
    from stacks.settings import StackSettings

# How long an API remembers that a key is good. A revocation takes effect within this time.
REMEMBERED = Duration.seconds(15)


class KeyApi(Construct):
    """The HTTP API for senders, each with keys of its own.

    Args:
        settings: log retention.
        registry: where the keys are.
        routes: what is behind the API, the same as behind the other one.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: StackSettings,
        registry: Registry,
        routes: Sequence[Route],
    ) -> None:
        super().__init__(scope, construct_id)
        self._routes = routes
        self.authorize = PythonFunction(
            self,
            "Authorize",
            settings=settings,
            timeout=Duration.seconds(AUTHORIZER_SECONDS),
            memory_size=512,
            environment={"KEYS_TABLE": registry.keys.table_name},
        )
        grant(registry.keys, self.authorize, "dynamodb:GetItem")
        self.api = apigwv2.HttpApi(
            self,
            "Api",
            description="Homing, for senders with API keys",
            create_default_stage=False,
            default_authorizer=HttpLambdaAuthorizer(
                "SenderKeys",
                self.authorize,
                response_types=[HttpLambdaResponseType.SIMPLE],
                identity_source=["$request.header.Authorization"],
                results_cache_ttl=REMEMBERED,
            ),
        )
        self.stage = api_stage(self, self.api, settings)
        add_routes(self.api, routes)

    @property
    def functions(self) -> tuple[PythonFunction, ...]:
        """The function that checks keys, and those behind the API."""
        return (self.authorize, *dict.fromkeys(route.function for route in self._routes))


def messages_url(accept: PythonFunction) -> lambda_.FunctionUrl:
    """Give `accept` a URL of its own, under IAM: it answers what `accept` has a route for.

    Nobody is granted it here: a caller's own policy must allow it (docs/api.md).
    """
    return accept.add_function_url(
        auth_type=lambda_.FunctionUrlAuthType.AWS_IAM,
        invoke_mode=lambda_.InvokeMode.BUFFERED,
    )


def refuse_own_hosts(
    apis: Sequence[apigwv2.HttpApi],
    url: lambda_.FunctionUrl | None,
    *,
    accept: PythonFunction,
    others: Sequence[PythonFunction],
) -> None:
    """Tell the functions that look at targets which hosts are this stack's own (decision 0082).

    An id is known in every name of its API: that of a partition, and the one for IPv6. `accept`
    cannot be told its own URL, which is made after it.
    """
    hosts = [f"{api.api_id}.execute-api." for api in apis]
    accept.add_environment("OWN_HOSTS", ",".join(hosts))
    if url is not None:
        host = Fn.select(2, Fn.split("/", url.url))
        hosts.append(f"{Fn.select(0, Fn.split('.', host))}.lambda-url.")
    for function in others:
        function.add_environment("OWN_HOSTS", ",".join(hosts))


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the HTTP API.

    Args:
        method: GET, PUT and so on.
        path: with `{names}` for what is free in it.
        function: what answers.
        is_open: whether anybody may ask.
    """

    method: str
    path: str
    function: PythonFunction
    is_open: bool = False


def add_routes(api: apigwv2.HttpApi, routes: Sequence[Route]) -> None:
    """Put functions behind an API; the health route is open, since monitors have no keys."""
    integrations: dict[str, HttpLambdaIntegration] = {}
    for route in routes:
        name = f"{route.function.node.id}Integration"
        integration = integrations.setdefault(name, HttpLambdaIntegration(name, route.function))
        added = api.add_routes(
            path=route.path,
            methods=[apigwv2.HttpMethod[route.method]],
            integration=integration,
            authorizer=apigwv2.HttpNoneAuthorizer() if route.is_open else None,
        )
        if route.is_open:
            except_from(added[0], "APIG4", "Monitors have no keys; the answer says nothing.")
