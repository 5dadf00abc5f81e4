"""The wheel's contents and requirements, and what works if only the wheel is installed."""

from __future__ import annotations

import re
import zipfile
from email.parser import Parser
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def base(install: Any) -> Any:
    return install()


def requirements(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode()).get_all("Requires-Dist", [])


def test_it_adds_only_names_that_begin_with_homing(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {each.partition("/")[0] for each in archive.namelist()}
    assert names == {"homing", "homing_cdk", "homing_cli", "homing-0.1.0.dist-info"}


def test_the_base_asks_for_little_and_for_ranges(wheel: Path) -> None:
    base = [each for each in requirements(wheel) if "extra ==" not in each]
    assert {re.split(r"[<>=]", each)[0] for each in base} == {"boto3", "pydantic", "rich", "typer"}
    assert all("==" not in each and "<" in each and ">=" in each for each in base)


def test_the_construct_asks_for_ranges_only(wheel: Path) -> None:
    cdk = [each.partition(";")[0] for each in requirements(wheel) if "extra == 'cdk'" in each]
    assert {re.split(r"[<>=]", each)[0] for each in cdk} == {"aws-cdk-lib", "constructs"}
    assert all("==" not in each and "<" in each and ">=" in each for each in cdk)


def test_what_functions_run_is_in_it_once_and_without_anything_compiled(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert len(names) == len(set(names))
    assert "homing_cdk/sources/lambdas/accept.py" in names
    assert "homing_cdk/sources/homing/delivery.py" in names
    assert "homing_cdk/sources/statemachine/delivery.asl.json" in names
    assert not [each for each in names if each.endswith(".pyc")]


def test_the_command_works_with_the_base_alone(base: Any) -> None:
    assert base.run("homing", "--version").stdout.startswith("homing ")
    assert "undispatched" in base.run("homing", "--help").stdout
    assert "$" in base.run("homing", "cost").stdout


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        (("up",), "local"),
        (("demo",), "local"),
        (("console", "--stack", "Homing"), "console"),
        (("cost", "--plot", "cost.png"), "plots"),
    ],
)
def test_a_command_that_needs_more_says_which_extra_to_install(
    base: Any, command: tuple[str, ...], extra: str
) -> None:
    done = base.run("homing", *command)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.endswith(f"run pip install 'homing[{extra}]'")


def test_the_construct_says_which_extra_to_install_and_settings_need_none(base: Any) -> None:
    settings = "from homing_cdk import HomingSettings; print(HomingSettings().max_attempts)"
    assert base.run("python", "-c", settings).stdout == "3\n"
    done = base.run("python", "-c", "from homing_cdk import Homing")
    assert done.stderr.splitlines()[-1] == (
        "ImportError: homing_cdk needs aws_cdk: run pip install 'homing[cdk]'"
    )
