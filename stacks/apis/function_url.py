"""The function URL of `accept`, and the hosts of all APIs, which are refused as targets.

The function URL takes requests signed with AWS credentials (IAM), serves only the routes of
`accept`, and costs nothing per request (docs/decisions/0035).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Fn
from aws_cdk import aws_lambda as lambda_

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_apigatewayv2 as apigwv2

    from ..functions.function import PythonFunction


def messages_url(accept: PythonFunction) -> lambda_.FunctionUrl:
    """Add a function URL under IAM to `accept` and return the URL.

    The stack does not grant access to it: a caller's own policy must allow it (docs/api.md).
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
) -> str:
    """Set OWN_HOSTS, the hosts that functions refuse as targets (docs/decisions/0030).

    Each entry is only the beginning of a host name. That is enough, since all host names of an API
    begin with its id, in every partition and for IPv6, too. `accept` does not get the host of its
    own function URL, since the URL is created after the function.

    Returns:
        The value of OWN_HOSTS with all hosts, for functions that are created later.
    """
    hosts = [f"{api.api_id}.execute-api." for api in apis]
    accept.add_environment("OWN_HOSTS", ",".join(hosts))
    if url is not None:
        host = Fn.select(2, Fn.split("/", url.url))
        hosts.append(f"{Fn.select(0, Fn.split('.', host))}.lambda-url.")
    for function in others:
        function.add_environment("OWN_HOSTS", ",".join(hosts))
    return ",".join(hosts)
