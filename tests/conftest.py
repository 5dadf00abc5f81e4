"""The local cloud that workflow and end-to-end tests share: the real stack, deployed once."""

from __future__ import annotations

import functools
import gc
import io
import json
import os
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import botocore.session
import pytest
from botocore.awsrequest import AWSRequest
from deployed import deployed
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

# The stack sets this for every function. Powertools reads it when it is first imported.
os.environ.update(POWERTOOLS_SERVICE_NAME="homing", POWERTOOLS_METRICS_NAMESPACE="Homing")

from homing_cli.client.target import local_target
from homing_cli.local import local_cloud
from lambdas.observation import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from homing_cli.client.target import Target

WAIT_SCALE = 0.1
NICENESS = os.nice(0)
ON_A_CLOUD = {"e2e", "workflow"}
# The slowest tests of `e2e`: a burst, a thousand events, and a queue that hides a message.
LONG = ("test_client.py", "test_ingest.py", "test_slow_endpoints.py")

# `make test` tries fewer examples than `make check`.
settings.register_profile("fast", max_examples=20)

# Each botocore session reads the descriptions of AWS's services again, which takes a tenth of a
# second or more. Here all sessions share what was read once.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests into the order in which processes take their groups (`_group`).

    Tests on a local cloud mostly wait. So most of `e2e` comes first, on one shared cloud, while
    other processes run tests that need processor time. The tests at the end go to any process that
    is free, on the cloud that it has or starts.

    All tests on the local cloud are marked slow except the demo, which shows a delivery at the
    first attempt, a retry, a dead letter and a redrive.
    """
    ranks = {"e2e": 0, "stacks": 1}
    for item in items:
        if item.path.parent.name in ON_A_CLOUD and item.path.name != "test_demo.py":
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: ranks.get(_group(item.nodeid), 3 if _on_a_cloud(item) else 2))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Assign each group to one process, since `loadgroup` of pytest-xdist 3.8 does not."""
    return _Groups(config, log)


class _Groups(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)


def _group(nodeid: str) -> str:
    """Return the folder of a test if its tests share a cloud or a cache, otherwise the file."""
    file = nodeid.partition("::")[0]
    _, folder, *_ = file.split("/")
    is_shared = folder in {"e2e", "packaging", "stacks"} and not file.endswith(LONG)
    return folder if is_shared else file


def _on_a_cloud(item: pytest.Item) -> bool:
    return item.path.parent.name in ON_A_CLOUD


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Exclude all objects that exist by now from garbage collection.

    The descriptions of AWS's services and the tests themselves are millions of objects. Visiting
    them again and again took an eighth of the time of tests that use moto.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Give the functions of a cloud priority over tests that need no cloud.

    An attempt times out after three seconds, so functions that wait for a processor would fail.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        niceness = NICENESS if _on_a_cloud(item) else NICENESS + 5
        with suppress(PermissionError):  # only root may raise the priority again
            os.setpriority(os.PRIO_PROCESS, 0, niceness)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the texts that tests in any process recorded by `record_property("shown", text)`."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, text in getattr(report, "user_properties", ()):
                if name == "shown":
                    terminalreporter.write_line(f"\n{text}")


@pytest.fixture(scope="session")
def cloud_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the cloud's `.homing/local.json`; commands that run in it find the cloud."""
    return tmp_path_factory.mktemp("cloud")


@pytest.fixture(scope="session")
def cloud(cloud_folder: Path) -> Iterator[Target]:
    """A throwaway local cloud on which waits of Step Functions take a tenth of their time.

    So a retry is made earlier than its `nextRetryAt` says: see `true_waits`. HOME is a file here,
    to show that the cloud does not need it.
    """
    state_dir = cloud_folder / ".homing"
    home = cloud_folder / "home"
    home.touch()
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("HOME", str(home))
            throwaway = functools.partial(local_cloud.throwaway, state_dir, WAIT_SCALE)
            stack.enter_context(deployed(state_dir, throwaway))
        yield local_target(state_dir / local_cloud.RECORD)


@pytest.fixture(scope="session")
def wait_scale(cloud: Target) -> Callable[[float], AbstractContextManager[None]]:
    """Run with waits that take this share of their time, until the context exits."""
    scales = [WAIT_SCALE]

    @contextmanager
    def scaled(scale: float) -> Iterator[None]:
        scales.append(scale)
        _configure(cloud, scale)
        try:
            yield
        finally:
            scales.pop()
            _configure(cloud, scales[-1])

    return scaled


@pytest.fixture
def true_waits(wait_scale: Callable[[float], AbstractContextManager[None]]) -> Iterator[None]:
    """Let waits take their true time, for tests of what must never be early."""
    with wait_scale(1):
        yield


@pytest.fixture
def logged() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The lines that the handlers have logged so far, one JSON object each."""
    handler = logger.registered_handler
    stream = io.StringIO()
    before = handler.setStream(stream)  # type: ignore[attr-defined]  # a StreamHandler by default
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    handler.setStream(before)  # type: ignore[attr-defined]


def _configure(cloud: Target, scale: float) -> None:
    connection = HTTPConnection(urlsplit(cloud.endpoint).netloc, timeout=10)
    path, body = "/_ministack/config", json.dumps({"stepfunctions._SFN_WAIT_SCALE": scale})
    assert cloud.endpoint
    assert cloud.key
    headers = cloud.key.sign(AWSRequest("POST", cloud.endpoint + path, data=body), "homing")
    try:
        connection.request("POST", path, body, headers)
        assert connection.getresponse().status == 200
    finally:
        connection.close()
