"""The environment in which the CDK deploys to the local cloud."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from homing_cli.errors import LocalCloudError
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
    """The tests' local cloud shows that this works: its HOME is a file."""
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


@pytest.fixture
def commands(running: Emulator, monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], Path]]:
    """The calls of the CDK CLI, each with its folder; a deployment has fixed outputs."""
    asked = []

    def run(arguments: list[str], emulator: Emulator, *, cwd: Path) -> None:
        asked.append((arguments, cwd))
        outputs = {"Shop": {"HooksApiUrl": "a", "HooksSenderApiUrl": "b", "BusName": "theirs"}}
        own = {"Homing-local": {"ApiUrl": "a", "SenderApiUrl": "b"}}
        is_theirs = "python3 shop.py" in arguments
        document = json.dumps(outputs if is_theirs else own)
        (emulator.state_dir / "outputs.json").write_text(document)

    monkeypatch.setattr(deployment, "_run", run)
    return asked


def test_homings_own_app_is_deployed_from_the_checkout_with_the_settings_of_the_local_cloud(
    running: Emulator, commands: list[tuple[list[str], Path]]
) -> None:
    assert deployment.deploy(running) == {"ApiUrl": "a", "SenderApiUrl": "b"}
    command, folder = commands[-1]
    assert folder == PROJECT
    assert "--app" not in command
    assert "stage=local" in command


def test_homings_own_app_comes_out_of_the_wheel_where_there_is_no_checkout(
    running: Emulator, commands: list[tuple[list[str], Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployment, "IN_CHECKOUT", False)
    deployment.deploy(running)
    command, folder = commands[-1]
    assert folder == running.state_dir
    assert command[-2:] == ["--app", f"{sys.executable} -m homing_cdk"]


def test_an_app_of_somebody_elses_is_deployed_from_this_folder_with_its_settings_overridden(
    running: Emulator, commands: list[tuple[list[str], Path]], tmp_path: Path
) -> None:
    app = deployment.App("python3 shop.py")
    assert deployment.deploy(running, app) == {"ApiUrl": "a", "SenderApiUrl": "b"}
    command, folder = commands[-1]
    assert folder == Path.cwd()
    (overrides,) = (each for each in command if each.startswith("homing:settings="))
    settings = json.loads(overrides.partition("=")[2])
    assert settings == {k: v for k, v in deployment.LOCAL_CONTEXT.items() if k != "stage"}


def test_an_app_without_such_a_homing_is_refused_with_those_that_it_has(
    running: Emulator, commands: list[tuple[list[str], Path]]
) -> None:
    with pytest.raises(LocalCloudError, match="has no Homing Webhooks: choose one of Hooks"):
        deployment.deploy(running, deployment.App("python3 shop.py", "Webhooks"))
