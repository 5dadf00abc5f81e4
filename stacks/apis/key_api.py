"""The API for senders with API keys.

It has the same routes as the IAM API, served by the same functions. The differences: callers need
an API key, and act only for the sender of the key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as apigwv2
from aws_cdk.aws_apigatewayv2_authorizers import HttpLambdaAuthorizer, HttpLambdaResponseType
from constructs import Construct

from homing.timeouts import AUTHORIZER_SECONDS

from ..functions.function import PythonFunction
from ..storage.table import grant
from .routes import add_routes
from .stage import api_stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..settings import NamedSettings
    from ..storage.registry import Registry

# How long the API caches that a key is valid. A revocation takes effect within this time.
KEY_CACHE_TTL = Duration.seconds(15)


class KeyApi(Construct):
    """The HTTP API for senders, each with its own keys.

    Args:
        settings: log retention.
        registry: the table of keys.
        functions: the functions that serve the routes, keyed by `Route.function`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: NamedSettings,
        registry: Registry,
        functions: Mapping[str, PythonFunction],
    ) -> None:
        super().__init__(scope, construct_id)
        self._functions = functions
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
                results_cache_ttl=KEY_CACHE_TTL,
            ),
        )
        self.stage = api_stage(self, self.api, settings)
        add_routes(self.api, functions)

    @property
    def functions(self) -> tuple[PythonFunction, ...]:
        """The function that checks keys, and those that serve the routes."""
        return (self.authorize, *self._functions.values())
