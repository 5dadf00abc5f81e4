"""The environment in which the CDK deploys to the local cloud."""

from __future__ import annotations

from pathlib import Path

import pytest

from homing_cli.local import deployment
from homing_cli.local.deployment import PROJECT
from homing_cli.local.emulator import Emulator
from homing_cli.local.local_key import LocalKey


@pytest.fixture
def running(tmp_path: Path) -> Emulator:
    return Emulator(1, 4566, tmp_path, LocalKey.random())


@pytest.mark.parametrize("home", [None, "/proc", "/dev/null", "/nonexistent"])
def test_nothing_is_kept_under_home_whatever_that_is(
    running: Emulator, monkeypatch: pytest.MonkeyPatch, home: str | None
) -> None:
    """That it works is shown by the local cloud of the tests, which comes up with a file for it."""
    if home is None:
        monkeypatch.delenv("HOME", raising=False)
    else:
        monkeypatch.setenv("HOME", home)
    environment = deployment._environment(running)
    for name in ("HOME", "CDK_HOME", "JSII_RUNTIME_PACKAGE_CACHE_ROOT"):
        assert Path(environment[name]).is_relative_to(PROJECT / ".homing")


def test_the_callers_account_is_out_of_its_sight_and_the_clouds_key_is_used(
    running: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID", "CDK_DEFAULT_REGION"):
        monkeypatch.setenv(name, "mine")
    environment = deployment._environment(running)
    assert "mine" not in environment.values()
    assert environment["AWS_SECRET_ACCESS_KEY"] == running.key.secret_access_key


def test_the_cdk_reports_nothing_to_aws(running: Emulator) -> None:
    assert deployment._environment(running)["CDK_DISABLE_CLI_TELEMETRY"] == "true"
