"""examples/embedded with only the wheel: installed, synthesized, deployed, and a message sent."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from homing_cli.receiver.server import Receiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[2]
FUNCTION = "AWS::Lambda::Function"
CODE = ("homing", "lambdas")
_TRIES = 5
_LOOKS = 60


@dataclass(frozen=True)
class Shop:
    """The example, deployed to a local cloud, and the environment from which it was deployed."""

    environment: Any
    local: dict[str, Any]
    outputs: dict[str, str]
    template: dict[str, Any]

    def client(self, service: str) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.local["endpoint"],
            region_name=self.local["region"],
            aws_access_key_id=self.local["accessKeyId"],
            aws_secret_access_key=self.local["secretAccessKey"],
        )

    def functions(self) -> dict[str, dict[str, Any]]:
        resources = self.template["Resources"].items()
        return {name: one["Properties"] for name, one in resources if one["Type"] == FUNCTION}


@pytest.fixture(scope="module")
def shop(install: Any) -> Iterator[Shop]:
    environment = install("[cdk,local]")
    shutil.copytree(PROJECT / "examples" / "embedded", environment.folder, dirs_exist_ok=True)
    try:
        up = environment.run("homing", "up", "--app", "python3 app.py")
        assert up.returncode == 0, up.stderr
        state = environment.folder / ".homing"
        local = json.loads((state / "local.json").read_text())
        template = json.loads((state / "cdk.out" / "Shop.template.json").read_text())
        outputs = json.loads((state / "outputs.json").read_text())["Shop"]
        yield Shop(environment, local, outputs, template)
    finally:
        environment.run("homing", "down")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def checkout(shop: Shop) -> Callable[[dict[str, Any]], str]:
    """Call the shop's function, again if it fails: a repeated call duplicates nothing."""
    client = shop.client("lambda")
    every = client.list_functions()["Functions"]
    (name,) = (one["FunctionName"] for one in every if one["Handler"] == "checkout.handler")
    # On AWS the URL that the stack sets is right; on the local cloud, its host name belongs to AWS.
    url = {"Variables": {"MESSAGES_URL": shop.local["messagesUrl"]}}
    client.update_function_configuration(FunctionName=name, Environment=url)

    def call(event: dict[str, Any]) -> str:
        for _ in range(_TRIES):
            answer = client.invoke(FunctionName=name, Payload=json.dumps(event).encode())
            result = json.loads(answer["Payload"].read())
            if "FunctionError" not in answer:
                return str(result)
        pytest.fail(f"the function failed {_TRIES} times: {result}")

    return call


def statuses(shop: Shop, message_id: str, sender: str = "default") -> list[str]:
    """Return the statuses by `homing status`, once there are deliveries and all have ended."""
    command = ("homing", "status", message_id, "--sender", sender, "--json")
    for _ in range(_LOOKS):
        done = shop.environment.run(*command)
        if done.returncode == 0:
            found = [one["status"] for one in json.loads(done.stdout)["deliveries"]]
            if found and not {"QUEUED", "RETRY_SCHEDULED"} & {*found}:
                return found
    pytest.fail(f"{message_id} has not ended: {done.stdout}{done.stderr}")


def test_what_a_function_sends_twice_arrives_once_and_the_command_line_knows_of_it(
    shop: Shop, checkout: Callable[[dict[str, Any]], str], receiver: Receiver
) -> None:
    paid = {"order": 1841, "total": 42.5, "notify": f"{receiver.url}/paid"}
    assert {checkout(paid), checkout(paid)} == {"order-1841"}
    assert statuses(shop, "order-1841") == ["DELIVERED"]
    (arrival,) = receiver.arrivals
    assert json.loads(arrival.body) == {"order": 1841, "total": 42.5}
    assert arrival.headers["webhook-id"] == "order-1841"


def test_an_event_on_the_bus_arrives_at_the_endpoint_of_its_tenant_that_subscribes(
    shop: Shop, receiver: Receiver
) -> None:
    for tenant in ("acme", "other"):
        url = ("--url", f"{receiver.url}/{tenant}")
        endpoint = ("homing", "endpoints", "set", "orders", "--sender", tenant)
        done = shop.environment.run(*endpoint, *url, "--event-type", "order.*")
        assert done.returncode == 0, done.stderr
    detail = {"tenantId": "acme", "order": 1842}
    event = {
        "EventBusName": shop.outputs["BusName"],
        "Source": "shop",
        "DetailType": "order.paid",
        "Detail": json.dumps(detail),
    }
    (put,) = shop.client("events").put_events(Entries=[event])["Entries"]
    assert statuses(shop, put["EventId"], "acme") == ["DELIVERED"]
    (arrival,) = receiver.arrivals
    assert (arrival.path, json.loads(arrival.body)) == ("/acme", detail)


def test_what_is_put_on_the_queue_arrives(shop: Shop, receiver: Receiver) -> None:
    body = {"messageId": "notice-1", "targetUrl": f"{receiver.url}/notice", "payload": {"n": 1.10}}
    queue = shop.outputs["NoticesUrl"]
    shop.client("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(body))
    assert statuses(shop, "notice-1", "shop") == ["DELIVERED"]
    (arrival,) = receiver.arrivals
    assert (arrival.path, arrival.body) == ("/notice", b'{"n": 1.1}')


def test_the_functions_code_from_the_wheel_is_the_checkouts_to_the_byte(shop: Shop) -> None:
    """So an app that changes from one to the other does not redeploy any function."""
    ours = {each.relative_to(PROJECT) for name in CODE for each in (PROJECT / name).rglob("*.py")}
    expected = {path for path in ours if path.parts[:2] != ("homing", "client")}
    (bundle,) = {
        one["Code"]["S3Key"].removesuffix(".zip")
        for one in shop.functions().values()
        if one["Handler"].startswith("lambdas.")
    }
    staged = shop.environment.folder / ".homing" / "cdk.out" / f"asset.{bundle}"
    files = {each.relative_to(staged) for each in staged.rglob("*") if each.is_file()}
    assert files == expected
    for each in files:
        assert (staged / each).read_bytes() == (PROJECT / each).read_bytes(), each


def test_the_client_in_the_layer_needs_nothing_but_botocore(shop: Shop, tmp_path: Path) -> None:
    """Lambda's runtimes include botocore."""
    (layer,) = (
        one["Properties"]["Content"]["S3Key"].removesuffix(".zip")
        for one in shop.template["Resources"].values()
        if one["Type"] == "AWS::Lambda::LayerVersion"
    )
    packages = shop.environment.folder / ".homing" / "cdk.out" / f"asset.{layer}" / "python"
    bare = shutil.copytree(packages, tmp_path / "runtime")
    for name in ("botocore", "urllib3", "jmespath", "dateutil", "six.py"):
        (found,) = (shop.environment.folder / "env").glob(f"lib/python3*/site-packages/{name}")
        (bare / name).symlink_to(found)
    use = (
        f"import sys; sys.path.insert(0, {str(bare)!r}); import homing.client as c; print(c.Homing)"
    )
    done = shop.environment.run("python", "-I", "-S", "-c", use)
    assert done.stdout == "<class 'homing.client.homing.Homing'>\n", done.stderr
