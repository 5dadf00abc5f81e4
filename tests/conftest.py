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

# What the stack sets for every function; Powertools reads it when it is first imported.
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
# What takes longest of `e2e`: a burst, a thousand events, and a queue that hides a message.
LONG = ("test_client.py", "test_ingest.py", "test_slow_endpoints.py")

# `make test` tries fewer examples than `make check` does.
settings.register_profile("fast", max_examples=20)

# Every session of botocore reads the descriptions of AWS's services anew, which takes a tenth of a
# second and more. Here they share what was read once.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests into the order in which processes take their groups (`_group`).

    Tests on a local cloud mostly wait. So most of `e2e` comes first and shares one cloud, while
    other processes run what takes processors. What comes last is for whichever process is free, on
    the cloud that it has or makes.

    What runs on the local cloud is slow. The demo is not: it shows a delivery at once, a retry, a
    dead letter and a redrive.
    """
    ranks = {"e2e": 0, "stacks": 1}
    for item in items:
        if item.path.parent.name in ON_A_CLOUD and item.path.name != "test_demo.py":
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: ranks.get(_group(item.nodeid), 3 if _on_a_cloud(item) else 2))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Give each group to one process; `loadgroup` of pytest-xdist 3.8 sees none in pytest 9.2."""
    return _Groups(config, log)


class _Groups(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)


def _group(nodeid: str) -> str:
    """Return the folder of a test if that shares a cloud or a cache; else the file."""
    file = nodeid.partition("::")[0]
    _, folder, *_ = file.split("/")
    is_shared = folder in {"e2e", "packaging", "stacks"} and not file.endswith(LONG)
    return folder if is_shared else file


def _on_a_cloud(item: pytest.Item) -> bool:
    return item.path.parent.name in ON_A_CLOUD


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Have the garbage collector leave alone what is loaded by now.

    The descriptions of AWS's services and the tests themselves are millions of objects. To go
    through them again and again took an eighth of the time of tests that use moto.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let the functions of a cloud have the processor before tests that need none.

    An attempt may take three seconds, so functions that wait for a processor would fail.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        niceness = NICENESS if _on_a_cloud(item) else NICENESS + 5
        with suppress(PermissionError):  # only root may go back
            os.setpriority(os.PRIO_PROCESS, 0, niceness)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have to show, `record_property("shown", text)`, in whichever process."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, text in getattr(report, "user_properties", ()):
                if name == "shown":
                    terminalreporter.write_line(f"\n{text}")


@pytest.fixture(scope="session")
def cloud_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder whose `.homing/local.json` leads to the cloud; commands run in it find it."""
    return tmp_path_factory.mktemp("cloud")


@pytest.fixture(scope="session")
def cloud(cloud_folder: Path) -> Iterator[Target]:
    """A throwaway local cloud whose Step Functions waits take a tenth of their time.

    So a retry on it comes earlier than its `nextRetryAt`: see `true_waits`. It comes up where HOME
    is of no use, a file.
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
    """Give a context in which waits take this much of their time."""
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
    """Let waits take their true time, for what must never be early."""
    with wait_scale(1):
        yield


@pytest.fixture
def logged() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What the handlers have logged so far, one JSON object per line."""
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
