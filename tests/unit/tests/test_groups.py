"""Tests that share a cloud, a cache or a module's fixtures run in one process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes share, with a file from each that makes this fixture."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    folder /= "processes"
    folder.mkdir(exist_ok=True)
    (folder / str(os.getpid())).touch()
    return folder


@pytest.mark.parametrize("number", range(6))
def test_the_tests_of_a_file_run_in_one_process(processes: Path, number: int) -> None:
    assert [path.name for path in processes.iterdir()] == [str(os.getpid())]


@pytest.mark.parametrize(
    ("nodeid", "group"),
    [
        ("tests/e2e/test_demo.py::test_a[at-once]", "e2e"),
        ("tests/e2e/test_send.py::test_b", "e2e"),
        ("tests/e2e/test_client.py::test_200", "tests/e2e/test_client.py"),
        ("tests/stacks/storage/test_ledger.py::test_c[x::y]", "stacks"),
        ("tests/packaging/test_wheel.py::test_d", "packaging"),
        ("tests/workflow/test_arrows.py::test_e", "tests/workflow/test_arrows.py"),
        ("tests/unit/homing/retry/test_plan.py::test_f", "tests/unit/homing/retry/test_plan.py"),
    ],
)
def test_tests_are_grouped_by_what_they_share(
    pytestconfig: pytest.Config, nodeid: str, group: str
) -> None:
    (conftest,) = (
        plugin
        for plugin in pytestconfig.pluginmanager.get_plugins()
        if hasattr(plugin, "pytest_xdist_make_scheduler") and hasattr(plugin, "_group")
    )
    assert conftest._group(nodeid) == group
