"""The function URL of `accept`, and the hosts of all APIs, which are no targets.

The function URL is an API for messages alone, beside the IAM API. It costs nothing per request
(docs/decisions/0035).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Fn
from aws_cdk import aws_lambda as lambda_

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_apigatewayv2 as apigwv2

    from ..function import PythonFunction


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
    """Tell the functions that look at targets which hosts are this stack's own (decision 0030).

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
