"""The routes of the HTTP APIs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import aws_apigatewayv2 as apigwv2
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration

from ..exceptions import except_from

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..function import PythonFunction


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
