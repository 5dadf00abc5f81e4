"""Where commands go."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from workbench import target
from workbench.errors import NoTargetError
from workbench.target import aws_target, find_target

if TYPE_CHECKING:
    from pathlib import Path

RECORD = {
    "endpoint": "http://127.0.0.1:4566",
    "region": "us-east-1",
    "apiUrl": "http://127.0.0.1:4566/_aws/execute-api/abc/$default",
    "senderApiUrl": "http://127.0.0.1:4566/_aws/execute-api/def/$default",
    "messagesUrl": "http://127.0.0.1:4566/_aws/lambda-url/ghi",
    "outputs": {"LedgerTable": "ledger"},
}


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Work in an empty folder, and let the project's own cloud be out of sight."""
    here = tmp_path / "here" / "below"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    monkeypatch.setattr(target, "STATE_DIR", tmp_path / "project" / ".homing")
    return tmp_path


def put(folder: Path, record: Any = RECORD) -> None:
    (folder / ".homing").mkdir(parents=True)
    (folder / ".homing" / "local.json").write_text(json.dumps(record))


@pytest.mark.parametrize("place", ["here/below", "here", "project"])
def test_the_local_cloud_is_found_from_here_upwards_and_in_the_project(
    elsewhere: Path, place: str
) -> None:
    put(elsewhere / place)
    found = find_target()
    assert (found.api_url, found.endpoint) == (RECORD["apiUrl"], RECORD["endpoint"])
    assert found.messages_url == RECORD["messagesUrl"]
    assert found.outputs == RECORD["outputs"]
    assert found.client("sqs").meta.endpoint_url == RECORD["endpoint"]


def test_the_local_cloud_is_reached_whatever_the_callers_account_is(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(elsewhere / "here")
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://elsewhere")
    found = find_target()
    assert found.client("sqs").meta.endpoint_url == RECORD["endpoint"]
    assert found.session.get_credentials().access_key == "test"


@pytest.mark.parametrize(("given", "used"), [(None, "eu-west-1"), ("eu-north-1", "eu-north-1")])
def test_a_stack_is_looked_for_where_the_aws_cli_would_look(
    monkeypatch: pytest.MonkeyPatch, given: str | None, used: str
) -> None:
    """boto3 alone would not read AWS_REGION."""
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    monkeypatch.setattr("workbench.target.aws_target", lambda session, _stack: session.region_name)
    assert find_target("Homing", given) == used


def test_without_a_local_cloud_it_says_what_to_do() -> None:
    with pytest.raises(NoTargetError, match="run `homing up`, or name a stack with --stack"):
        find_target()


@pytest.mark.parametrize("record", [{}, [], "text"])
def test_an_unreadable_record_is_told_by_its_path(elsewhere: Path, record: Any) -> None:
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
        (FakeSession("Homing", "Url"), "it is not a stack of Homing"),
        (FakeSession("Other", "ApiUrl"), "stack Homing cannot be read: .* does not exist"),
    ],
)
def test_a_stack_that_is_not_homings_or_does_not_exist_is_refused(
    session: FakeSession, complaint: str
) -> None:
    with pytest.raises(NoTargetError, match=complaint):
        aws_target(session, "Homing")


def test_a_stack_from_before_the_function_url_has_none() -> None:
    found = aws_target(FakeSession("Homing", "ApiUrl", "SenderApiUrl"), "Homing")
    assert found.messages_url is None


def test_a_local_cloud_from_before_the_function_url_has_none(elsewhere: Path) -> None:
    put(elsewhere / "here", {key: RECORD[key] for key in RECORD if key != "messagesUrl"})
    assert find_target().messages_url is None


def test_a_profile_that_does_not_exist_is_refused() -> None:
    with pytest.raises(NoTargetError, match="profile"):
        find_target("Homing", profile="no-such-profile")
