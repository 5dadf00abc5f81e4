"""The local cloud serves only callers that have its key."""

from __future__ import annotations

import asyncio
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import ClientError

from homing_cli.local import emulator
from homing_cli.local.emulator_guard import Guard
from homing_cli.local.local_key import LocalKey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from homing_cli.local.emulator import Emulator

LIST_TABLES = {
    "X-Amz-Target": "DynamoDB_20120810.ListTables",
    "Content-Type": "application/x-amz-json-1.0",
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    started = emulator.start(tmp_path_factory.mktemp("cloud"), emulator.listen(), tied=True)
    yield started
    started.stop()


def request(
    cloud: Emulator, method: str, path: str, headers: Mapping[str, str], body: bytes = b"{}"
) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", cloud.port, timeout=30)
    try:
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def signed(
    cloud: Emulator, key: LocalKey, path: str = "/", host: str | None = None
) -> dict[str, str]:
    address = f"http://{host or f'127.0.0.1:{cloud.port}'}{path}"
    return key.sign(AWSRequest("POST", address, dict(LIST_TABLES), b"{}"), "dynamodb") | {
        "Host": host or f"127.0.0.1:{cloud.port}"
    }


def client(cloud: Emulator, service: Any, key: LocalKey) -> Any:
    return boto3.client(
        service,
        endpoint_url=cloud.endpoint,
        region_name="us-east-1",
        aws_access_key_id=key.access_key_id,
        aws_secret_access_key=key.secret_access_key,
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_request_signed_with_its_key_is_served(cloud: Emulator, host: str) -> None:
    headers = signed(cloud, cloud.key, host=f"{host}:{cloud.port}")
    status, answer = request(cloud, "POST", "/", headers)
    assert (status, answer) == (200, b'{"TableNames": []}')


def test_a_bucket_has_a_host_of_its_own_where_the_sdks_endpoint_is_localhost(
    cloud: Emulator,
) -> None:
    headers = signed(cloud, cloud.key, host=f"a-bucket.localhost:{cloud.port}")
    assert request(cloud, "POST", "/", headers)[0] == 405  # S3 says so


def test_an_sdk_with_its_key_works_for_any_service_and_for_any_path(cloud: Emulator) -> None:
    s3 = client(cloud, "s3", cloud.key)
    s3.create_bucket(Bucket="a-bucket")
    s3.put_object(Bucket="a-bucket", Key="a b/ü+%20", Body=b"whole")
    assert s3.get_object(Bucket="a-bucket", Key="a b/ü+%20")["Body"].read() == b"whole"
    assert client(cloud, "sqs", cloud.key).create_queue(QueueName="q")["QueueUrl"]


def test_an_assumed_role_may_call_as_the_cdk_does(cloud: Emulator) -> None:
    given = client(cloud, "sts", cloud.key).assume_role(
        RoleArn="arn:aws:iam::000000000000:role/deploy", RoleSessionName="cdk"
    )["Credentials"]
    session = boto3.Session(
        given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], "us-east-1"
    )
    dynamodb = session.client("dynamodb", endpoint_url=cloud.endpoint)
    assert dynamodb.list_tables()["TableNames"] == []


@pytest.mark.parametrize(
    "foreign",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Host": "evil.example:4566"},
        {"Host": "evil.example"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1.evil.example:4566"},
        {"Host": "localhost.evil.example:4566"},
    ],
)
@pytest.mark.parametrize("path", ["/", "/_ministack/health", "/_aws/execute-api/none/$default/x"])
def test_what_a_web_page_sends_is_refused_even_where_it_is_signed(
    cloud: Emulator, foreign: dict[str, str], path: str
) -> None:
    headers = signed(cloud, cloud.key, path) | foreign
    for plain in (headers, foreign, foreign | {"Content-Type": "text/plain"}):
        status, answer = request(cloud, "POST", path, plain)
        assert status == 403
        assert b"web pages" in answer or b"Host header" in answer


def test_no_web_page_may_read_an_answer(cloud: Emulator) -> None:
    connection = HTTPConnection("127.0.0.1", cloud.port, timeout=30)
    connection.request(
        "OPTIONS",
        "/",
        headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"},
    )
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Access-Control-Allow-Origin")) == (403, None)
    connection.close()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/"),
        ("GET", "/"),
        ("GET", "/_ministack/health"),
        ("POST", "/_ministack/reset"),
        ("POST", "/_ministack/config"),
        ("GET", "/_homing/identity"),
        ("POST", "/2015-03-31/functions"),
        ("POST", "/_aws/lambda-url/abc/v1/messages"),
        ("POST", "/_aws/execute-api"),
        ("POST", "/x/../_aws/execute-api/abc/$default/x"),
    ],
)
def test_without_a_signature_nothing_is_served(cloud: Emulator, method: str, path: str) -> None:
    for authorization in ({}, {"Authorization": "Bearer x"}, {"Authorization": "AWS test:x"}):
        status, answer = request(cloud, method, path, LIST_TABLES | authorization)
        assert (status, b"not signed" in answer) == (403, True)


@pytest.mark.parametrize("key_id", ["test", "000000000000", "its own", "AKIAIOSFODNN7EXAMPLE"])
def test_a_signature_with_another_secret_is_refused(cloud: Emulator, key_id: str) -> None:
    """Whatever the access key id, even one that the emulator accepts for the account."""
    key_id = cloud.key.access_key_id if key_id == "its own" else key_id
    with pytest.raises(ClientError, match=r"AccessDenied"):
        client(cloud, "dynamodb", LocalKey(key_id, "test")).list_tables()


@pytest.mark.parametrize("change", ["body", "path", "header", "date", "algorithm"])
def test_a_signature_is_for_one_request_and_for_some_minutes(cloud: Emulator, change: str) -> None:
    headers, path, body = signed(cloud, cloud.key), "/", b"{}"
    match change:
        case "body":
            body = b'{"Limit": 1}'
        case "path":
            path = "/?x=1"
        case "header":
            headers["X-Amz-Target"] = "DynamoDB_20120810.DeleteTable"
        case "date":
            headers["X-Amz-Date"] = "20200101T000000Z"
        case _:
            headers["Authorization"] = headers["Authorization"].replace(
                "AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"
            )
    assert request(cloud, "POST", path, headers, body)[0] == 403


def test_a_presigned_address_is_not_taken(cloud: Emulator) -> None:
    url = client(cloud, "s3", cloud.key).generate_presigned_url("list_buckets")
    assert request(cloud, "GET", url.removeprefix(cloud.endpoint), {})[0] == 403


@pytest.fixture(scope="module")
def api(cloud: Emulator) -> str:
    """The path of an HTTP API that has a public route and a route under IAM."""
    gateway = client(cloud, "apigatewayv2", cloud.key)
    made = gateway.create_api(Name="an-api", ProtocolType="HTTP")["ApiId"]
    gateway.create_stage(ApiId=made, StageName="$default", AutoDeploy=True)
    gateway.create_route(ApiId=made, RouteKey="GET /health", AuthorizationType="NONE")
    gateway.create_route(ApiId=made, RouteKey="GET /messages", AuthorizationType="AWS_IAM")
    return f"/_aws/execute-api/{made}/$default"


def test_a_route_of_an_api_without_authorization_is_public_as_on_aws(
    cloud: Emulator, api: str
) -> None:
    assert request(cloud, "GET", f"{api}/health", {})[0] not in {401, 403}


@pytest.mark.parametrize("path", ["/messages", "/messages/", "//messages", "/%6dessages"])
def test_a_route_under_iam_wants_a_signature_that_is_valid(
    cloud: Emulator, api: str, path: str
) -> None:
    stranger = LocalKey("AKIAIOSFODNN7EXAMPLE", "x")
    for headers in ({}, {"Authorization": "Bearer x"}, signed(cloud, stranger, f"{api}{path}")):
        assert request(cloud, "GET", f"{api}{path}", headers)[0] in {403, 404}


def test_a_service_is_not_reached_by_way_of_a_public_path(cloud: Emulator, api: str) -> None:
    """The emulator takes the service of a request from headers if the path does not decide."""
    for path in ("/_aws/execute-api/", "/_aws/execute-api//", f"{api}/../../../"):
        assert b"TableNames" not in request(cloud, "POST", path, LIST_TABLES)[1]
    for host in ("x.s3.localhost", "abc.cloudfront.localhost"):
        headers = LIST_TABLES | {"Host": f"{host}:{cloud.port}"}
        assert request(cloud, "GET", f"{api}/health", headers)[0] == 403


def test_a_web_socket_is_closed_at_once() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    guard = Guard(None, 1, LocalKey.random(), lambda *_: None, lambda *_: True)  # type: ignore[arg-type]
    asyncio.run(guard({"type": "websocket"}, None, send))  # type: ignore[arg-type]
    assert sent == [{"type": "websocket.close"}]
