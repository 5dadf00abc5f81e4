"""Which deployed Homing commands use."""

from __future__ import annotations

import json
import socket
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from homing_cli.client import target
from homing_cli.client.target import Outputs, aws_target, find_target
from homing_cli.errors import NoTargetError
from homing_cli.local.local_key import LocalKey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = LocalKey.random()
RECORD = {
    "endpoint": "http://127.0.0.1:4566",
    "region": "us-east-1",
    **KEY.to_record(),
    "apiUrl": "http://127.0.0.1:4566/_aws/execute-api/abc/$default",
    "senderApiUrl": "http://127.0.0.1:4566/_aws/execute-api/def/$default",
    "messagesUrl": "http://127.0.0.1:4566/_aws/lambda-url/ghi",
    "outputs": {"LedgerTable": "ledger"},
}


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Work in an empty folder, where the project's own local cloud is not found."""
    here = tmp_path / "here" / "below"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    monkeypatch.setattr(target, "STATE_DIR", tmp_path / "project" / ".homing")
    return tmp_path


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        signature = self.headers["Authorization"].rpartition("=")[2]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.key.proof(signature).encode())  # type: ignore[attr-defined]

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def cloud(key: LocalKey = KEY) -> Iterator[dict[str, Any]]:
    """Serve what a local cloud with this key would; yield the record of a cloud with `KEY`."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.key = key  # type: ignore[attr-defined]
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield RECORD | {"endpoint": f"http://127.0.0.1:{server.server_port}"}
        server.shutdown()
        thread.join()


@pytest.fixture
def running() -> Iterator[dict[str, Any]]:
    """The record of a running local cloud."""
    with cloud() as record:
        yield record


def put(folder: Path, record: Any) -> None:
    (folder / ".homing").mkdir(parents=True)
    (folder / ".homing" / "local.json").write_text(json.dumps(record))


@pytest.mark.parametrize("place", ["here/below", "here", "project"])
def test_the_local_cloud_is_found_from_here_upwards_and_in_the_project(
    elsewhere: Path, running: dict[str, Any], place: str
) -> None:
    put(elsewhere / place, running)
    found = find_target()
    assert (found.api_url, found.endpoint) == (RECORD["apiUrl"], running["endpoint"])
    assert found.messages_url == RECORD["messagesUrl"]
    assert found.outputs == RECORD["outputs"]
    assert found.client("sqs").meta.endpoint_url == running["endpoint"]


def test_a_record_that_has_outlived_its_cloud_is_passed_over(
    elsewhere: Path, running: dict[str, Any]
) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        put(elsewhere / "here" / "below", RECORD | {"endpoint": gone})
        put(elsewhere / "here", running)
        assert find_target().endpoint == running["endpoint"]


def test_another_projects_cloud_on_its_port_is_not_taken_for_it(elsewhere: Path) -> None:
    with cloud(LocalKey.random()) as record:
        put(elsewhere / "here", record)
        with pytest.raises(NoTargetError, match="there is no local cloud"):
            find_target()


def test_the_local_cloud_is_reached_whatever_the_callers_account_is(
    elsewhere: Path, running: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(elsewhere / "here", running)
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://elsewhere")
    found = find_target()
    assert found.client("sqs").meta.endpoint_url == running["endpoint"]
    credentials = found.session.get_credentials()
    assert LocalKey(credentials.access_key, credentials.secret_key) == found.key == KEY


@pytest.mark.parametrize(("given", "used"), [(None, "eu-west-1"), ("eu-north-1", "eu-north-1")])
def test_a_stack_is_looked_for_where_the_aws_cli_would_look(
    monkeypatch: pytest.MonkeyPatch, given: str | None, used: str
) -> None:
    """boto3 alone would not read AWS_REGION."""
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    monkeypatch.setattr(
        "homing_cli.client.target.aws_target", lambda session, _stack: session.region_name
    )
    assert find_target("Homing", given) == used


def test_without_a_local_cloud_it_says_what_to_do() -> None:
    with pytest.raises(NoTargetError, match="run `homing up`, or name a stack with --stack"):
        find_target()


@pytest.mark.parametrize("record", [{}, [], "text"])
def test_an_unreadable_record_is_reported_with_its_path(elsewhere: Path, record: Any) -> None:
    put(elsewhere / "here", record)
    with pytest.raises(NoTargetError, match=r"local\.json is unreadable"):
        find_target()


class FakeSession:
    """An AWS account with one stack."""

    region_name = "eu-west-1"

    def __init__(self, name: str, *outputs: str) -> None:
        self._name = name
        url = "https://abc.execute-api.eu-west-1.amazonaws.com/"
        self._stack = {"Outputs": [{"OutputKey": key, "OutputValue": url} for key in outputs]}

    def client(self, service: str, **_: Any) -> FakeSession:
        assert service == "cloudformation"
        return self

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803 -- boto3's
        if StackName != self._name:
            error = {"Code": "ValidationError", "Message": f"{StackName} does not exist"}
            raise ClientError({"Error": error}, "DescribeStacks")
        return {"Stacks": [self._stack]}


def test_a_stack_in_aws_is_known_by_its_outputs() -> None:
    found = aws_target(FakeSession("Homing", "ApiUrl", "SenderApiUrl", "MessagesUrl"), "Homing")
    assert found.api_url == "https://abc.execute-api.eu-west-1.amazonaws.com"
    assert found.messages_url == found.api_url
    assert (found.endpoint, found.session.region_name) == (None, "eu-west-1")


@pytest.mark.parametrize(
    ("session", "complaint"),
    [
        (FakeSession("Homing", "Url"), "stack Homing has no Homing"),
        (FakeSession("Other", "ApiUrl"), "stack Homing cannot be read: .* does not exist"),
    ],
)
def test_a_stack_that_is_not_homings_or_does_not_exist_is_refused(
    session: FakeSession, complaint: str
) -> None:
    with pytest.raises(NoTargetError, match=complaint):
        aws_target(session, "Homing")


ARN = "arn:aws:cloudformation:eu-west-1:123456789012:stack/Shop/0b7c1f40"
OF_TWO = tuple(f"{each}{name}" for each in "AB" for name in ("ApiUrl", "SenderApiUrl", each))


@pytest.mark.parametrize("stack", ["Shop", ARN])
def test_of_several_in_a_stack_one_is_chosen_by_its_path(stack: str) -> None:
    found = aws_target(FakeSession(stack, *OF_TWO), f"{stack}/B")
    assert found.outputs.keys() == {"ApiUrl", "SenderApiUrl", "B"}


def test_where_there_are_several_they_are_named() -> None:
    with pytest.raises(NoTargetError, match="stack Shop has several Homings: choose one of A, B"):
        aws_target(FakeSession("Shop", *OF_TWO), "Shop")


def test_a_stack_from_before_the_function_url_has_none() -> None:
    found = aws_target(FakeSession("Homing", "ApiUrl", "SenderApiUrl"), "Homing")
    assert found.messages_url is None


def test_a_local_cloud_from_before_the_function_url_has_none(
    elsewhere: Path, running: dict[str, Any]
) -> None:
    put(elsewhere / "here", {key: running[key] for key in running if key != "messagesUrl"})
    assert find_target().messages_url is None


def test_a_profile_that_does_not_exist_is_refused() -> None:
    with pytest.raises(NoTargetError, match="profile"):
        find_target("Homing", profile="no-such-profile")


def test_an_output_that_is_missing_is_said_with_what_to_do() -> None:
    with pytest.raises(NoTargetError, match="has no output KeysTable: deploy this version"):
        Outputs({"ApiUrl": "u"})["KeysTable"]
