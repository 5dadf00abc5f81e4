"""Measure the messages delivered per second on the local cloud, with the express path on and off.

The row `emulator alone` shows the limit of the emulator itself: how fast it executes a workflow
that only invokes a trivial function twice. The emulator runs on this machine's processor and
dispatches the batches of a queue one after the other. So the figures can be compared with each
other, but not with figures on AWS.

    python benchmarks/throughput.py [MESSAGES]
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
import time
import uuid
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.sizes import APP, argument, sized
from homing_cli.client.api import ApiClient
from homing_cli.client.target import Target, local_target
from homing_cli.local import deployment, local_cloud
from homing_cli.local.deployment import OWN_APP
from homing_cli.receiver.server import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MESSAGES = sized(500, 5)
SENDERS = 8  # concurrent submissions; more only queue up in the emulator
WARM_UP = sized(20, 2)
TRIVIAL = "def handler(event, context):\n    return event\n"
ROLE = "arn:aws:iam::000000000000:role/bench"


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement: the number of messages or executions, and how many ended per second."""

    label: str
    count: int
    per_second: float


def run(messages: int = MESSAGES) -> Iterator[Row]:
    """Measure with the express path on and off, and the emulator alone."""
    for label, context in (("express path on", {}), ("express path off", {"expressPath": "false"})):
        with tempfile.TemporaryDirectory() as folder, _deployed(Path(folder), context) as target:
            _deliver(target, WARM_UP)
            yield Row(label, messages, messages / _deliver(target, messages))
            if not context:
                yield Row("emulator alone", messages, messages / _execute(target, messages))


class _deployed:  # noqa: N801 -- a context manager, used like a function
    """A temporary local cloud, with a stack that is deployed with the given CDK context."""

    def __init__(self, folder: Path, context: Mapping[str, str]) -> None:
        self._folder, self._context = folder, context

    def __enter__(self) -> Target:
        self._before = deployment.LOCAL_CONTEXT
        deployment.LOCAL_CONTEXT = {**self._before, **self._context}
        self._cloud = local_cloud.throwaway(self._folder, app=OWN_APP if self._context else APP)
        self._cloud.__enter__()
        return local_target(self._folder / local_cloud.RECORD)

    def __exit__(self, *_: object) -> None:
        deployment.LOCAL_CONTEXT = self._before
        self._cloud.__exit__(None, None, None)


def _deliver(target: Target, messages: int) -> float:
    """Send messages and wait until the last has arrived; return how many seconds this took."""
    api = ApiClient(target)
    with Receiver() as receiver, ThreadPoolExecutor(SENDERS) as pool:
        bodies = [
            {"messageId": f"m-{uuid.uuid4().hex}", "targetUrl": receiver.url, "payload": number}
            for number in range(messages)
        ]
        start = time.perf_counter()
        list(pool.map(lambda body: api.submit(json.dumps(body).encode()), bodies))
        while len({arrival.message_id for arrival in receiver.arrivals}) < messages:
            time.sleep(0.02)
        return time.perf_counter() - start


def _execute(target: Target, executions: int) -> float:
    states, functions = target.client("stepfunctions"), target.client("lambda")
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("trivial.py", TRIVIAL)
    function = functions.create_function(
        FunctionName="trivial",
        Runtime="python3.13",
        Handler="trivial.handler",
        Role=ROLE,
        Code={"ZipFile": package.getvalue()},
    )["FunctionArn"]
    step = {"Type": "Task", "Resource": function}
    definition = {
        "StartAt": "One",
        "States": {"One": {**step, "Next": "Two"}, "Two": {**step, "End": True}},
    }
    machine = states.create_state_machine(
        name="trivial", definition=json.dumps(definition), roleArn=ROLE, type="EXPRESS"
    )["stateMachineArn"]
    sync: Any = target.session.client(
        "stepfunctions", endpoint_url=target.endpoint, config=_without_prefix()
    )
    with ThreadPoolExecutor(SENDERS) as pool:
        run = lambda _: sync.start_sync_execution(stateMachineArn=machine, input="{}")  # noqa: E731
        list(pool.map(run, range(WARM_UP)))
        start = time.perf_counter()
        list(pool.map(run, range(executions)))
        return time.perf_counter() - start


def _without_prefix() -> Any:
    from botocore.config import Config  # noqa: PLC0415 -- here alone

    return Config(inject_host_prefix=False, max_pool_connections=SENDERS)


def main() -> None:
    """Print the table."""
    messages = argument(MESSAGES)
    print(f"from POST to delivered on the local cloud, {SENDERS} concurrent senders")
    print(f"{'':<18}{'messages':>10}{'per second':>12}")
    for row in run(messages):
        print(f"{row.label:<18}{row.count:>10}{row.per_second:>12.1f}", flush=True)


if __name__ == "__main__":
    main()
