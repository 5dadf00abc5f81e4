"""Requests to one host: how they are authenticated, made and retried."""

from __future__ import annotations

import json
import os
import re
import socket
from dataclasses import dataclass
from http import HTTPStatus
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from botocore import exceptions as botocore_errors
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, SSLError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from homing.client.errors import CredentialsError, UnreachableError, response_error

if TYPE_CHECKING:
    from homing.client.errors import CallError
    from homing.client.retrying import Retrying

_CONNECT_SECONDS = 3
_CONNECTIONS = 32
# A body is sent after its headers. Without this option, on a connection that is used again, the
# body waits until the other end has acknowledged the headers, which takes 40 ms on Linux. The
# clients of boto3 set it, too.
_UNDELAYED = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
# Matches hosts such as `abc.lambda-url.eu-west-1.on.aws` and
# `abc.execute-api.eu-west-1.amazonaws.com`. At a local cloud, the path names the service.
_SERVICE = re.compile(r"[./](?P<service>lambda-url|execute-api)(?:\.(?P<region>[a-z0-9-]+)\.|/)")
_KEY = re.compile(r"hmg_[!-~]+")


@dataclass(frozen=True, slots=True)
class Response:
    """A successful response: the HTTP status and the JSON document."""

    status: int
    document: Any


class Authentication(Protocol):
    """The authentication of requests."""

    def __call__(self, request: AWSRequest) -> None:
        """Add headers to a request."""


class Session(Protocol):
    """A session of boto3 or botocore, which finds AWS credentials."""

    def get_credentials(self) -> Any:
        """Return the credentials, or None if there are none."""


class Key:
    """Authentication by an API key.

    Raises:
        ValueError: when the text is not an API key.
    """

    def __init__(self, key: str) -> None:
        if not _KEY.fullmatch(key):
            raise ValueError("api_key must be the text that `homing senders add` shows: hmg_...")
        self._key = key

    def __call__(self, request: AWSRequest) -> None:
        """Add the key to a request."""
        request.headers["Authorization"] = f"Bearer {self._key}"


class Signature:
    """Authentication by AWS credentials (Signature Version 4).

    Args:
        url: the base URL of the API. It contains the name of the AWS service to sign for and, if
            the host belongs to AWS, the region.
        session: finds the credentials, which are read again for each try, since they expire.
        region: the region, if the URL does not name it.

    Raises:
        CredentialsError: when neither the URL nor `region` names the region.
    """

    def __init__(self, url: str, session: Session, region: str | None) -> None:
        found = _SERVICE.search(url)
        self._service = "lambda" if found and found["service"] == "lambda-url" else "execute-api"
        known = (found["region"] if found else None) or region
        if not known:
            raise CredentialsError("no AWS region: set AWS_REGION, or give `region`")
        self._region = known
        self._session = session

    def __call__(self, request: AWSRequest) -> None:
        """Sign a request."""
        try:
            credentials = self._session.get_credentials()
            frozen = credentials.get_frozen_credentials() if credentials else None
        except (BotoCoreError, ClientError) as error:  # such as a role that cannot be assumed
            raise CredentialsError(f"the AWS credentials cannot be read: {error}") from error
        if frozen is None:
            raise CredentialsError("no AWS credentials: see `aws configure`, or set AWS_PROFILE")
        SigV4Auth(frozen, self._service, self._region).add_auth(request)


class Connection:
    """Makes requests to one host; safe to share between threads.

    Args:
        url: the base URL of the API.
        authenticate: adds the caller's headers to a request.
        retrying: the time limit of a call, and the pauses between its tries.

    Raises:
        ValueError: when the URL is neither an `https` URL nor an `http` URL of this machine.
    """

    def __init__(self, url: str, authenticate: Authentication, retrying: Retrying) -> None:
        parts = urlsplit(url)
        is_local = parts.hostname in _LOOPBACK
        if not parts.hostname or parts.scheme not in ({"https", "http"} if is_local else {"https"}):
            raise ValueError(f"the URL of the API must begin with https://, but is {url!r}")
        self._url = url.rstrip("/")
        self._authenticate = authenticate
        self._retrying = retrying
        self._http = URLLib3Session(
            verify=os.environ.get("AWS_CA_BUNDLE") or True,  # type: ignore[arg-type]  # or a path
            proxies={} if is_local else get_environ_proxies(url),
            timeout=(min(_CONNECT_SECONDS, retrying.timeout), retrying.timeout),  # type: ignore[arg-type]  # connect, read
            max_pool_connections=_CONNECTIONS,
            socket_options=_UNDELAYED,  # type: ignore[arg-type]  # tuples, as urllib3 takes them
        )

    def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        repeat: bool = True,
        began: float | None = None,
    ) -> Response:
        """Make a request, and retry it if it may succeed later.

        Args:
            method: the HTTP method.
            path: path and query, relative to the base URL of the API.
            body: the request body, JSON; the same bytes at each try.
            repeat: whether the request may be made again; False if a second request could have a
                second effect.
            began: the time of the first try, by the clock of `retrying`, if this call continues an
                earlier one.

        Raises:
            CallError: when the request fails; after several tries, the error of the last try.
        """
        began = self._retrying.clock() if began is None else began
        for tries in count(1):
            result = self._once(method, path, body)
            if isinstance(result, Response):
                return result
            may_repeat = repeat and result.is_transient
            if not (may_repeat and self._retrying.wait(tries, began, result.retry_after)):
                raise result
        raise AssertionError("unreachable: count() does not end")

    def _once(self, method: str, path: str, body: bytes) -> Response | CallError:
        headers = {"Content-Type": "application/json", "User-Agent": "homing-client"}
        request = AWSRequest(method, self._url + path, headers, body)
        self._authenticate(request)
        try:
            answer = self._http.send(request.prepare())
        except (HTTPClientError, botocore_errors.ConnectionError) as error:
            failure = UnreachableError(f"{self._url} did not answer: {error}")
            failure.is_transient = not isinstance(error, SSLError)
            failure.__cause__ = error
            return failure
        document = _json(answer.content)
        if HTTPStatus.OK <= answer.status_code < HTTPStatus.MULTIPLE_CHOICES:
            return Response(answer.status_code, document)
        wanted = self._retrying.retry_after(answer.headers.get("Retry-After"))
        return response_error(answer.status_code, document, retry_after=wanted)


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):  # a proxy may answer with an HTML page
        return None
