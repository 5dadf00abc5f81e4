"""The API for senders with API keys.

It has the same routes as the IAM API and the same functions behind them. It differs in who may
call it, and in that a key acts for its own sender only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as apigwv2
from aws_cdk.aws_apigatewayv2_authorizers import HttpLambdaAuthorizer, HttpLambdaResponseType
from constructs import Construct

from homing.timeouts import AUTHORIZER_SECONDS

from ..function import PythonFunction
from ..storage.table import grant
from .routes import add_routes
from .stage import api_stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..settings import StackSettings
    from ..storage.registry import Registry
    from .routes import Route

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
