"""The routes of the HTTP APIs, from `homing.api.routes`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_apigatewayv2 as apigwv2
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration

from homing.api.routes import ROUTES

from ..exceptions import except_from

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..functions.function import PythonFunction


def add_routes(api: apigwv2.HttpApi, functions: Mapping[str, PythonFunction]) -> None:
    """Add every route to an API. Open routes need no credentials.

    Args:
        api: the IAM API or the key API.
        functions: the functions that serve the routes, keyed by `Route.function`.
    """
    integrations = {
        name: HttpLambdaIntegration(f"{function.node.id}Integration", function)
        for name, function in functions.items()
    }
    for route in ROUTES:
        added = api.add_routes(
            path=route.path,
            methods=[apigwv2.HttpMethod[route.method]],
            integration=integrations[route.function],
            authorizer=apigwv2.HttpNoneAuthorizer() if route.is_open else None,
        )
        if route.is_open:
            except_from(
                added[0],
                "APIG4",
                "Monitors have no credentials; the response contains no information.",
            )
