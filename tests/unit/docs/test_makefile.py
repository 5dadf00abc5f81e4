"""`make` installs into .venv, or says why it cannot, whatever the user's settings of uv and pip."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., subprocess.CompletedProcess[str]]

PROJECT = Path(__file__).parents[3]
INSTALLS = 'env > seen; echo "$@" > asked; touch .venv/bin/homing; chmod +x .venv/bin/homing'


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A copy of the project with only the files that `make` itself needs."""
    shutil.copy(PROJECT / "Makefile", tmp_path)
    for name in ("pyproject.toml", "uv.lock"):
        (tmp_path / name).touch()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def make(clone: Path) -> Make:
    def run(**settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", ".venv/bin/.synced", "PYTHON=true"],  # noqa: S607 -- wherever make is
            cwd=clone,
            env={"PATH": os.environ["PATH"], **settings},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def program(clone: Path, name: str, text: str) -> None:
    path = clone / ".venv" / "bin" / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def seen(clone: Path) -> dict[str, str]:
    lines = (clone / "seen").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


@pytest.mark.parametrize(
    "name",
    [
        "UV_PROJECT_ENVIRONMENT",
        "UV_PROJECT",
        "UV_PYTHON",
        "UV_SYSTEM_PYTHON",
        "UV_NO_DEV",
        "UV_LOCKED",
        "UV_CONFIG_FILE",
        "UV_OF_SOME_LATER_VERSION",
        "PIP_USER",
        "PIP_TARGET",
        "PIP_PREFIX",
        "PIP_REQUIRE_VIRTUALENV",
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
        "PYTHONHOME",
        "PYTHONPATH",
    ],
)
def test_where_it_installs_and_what_is_not_for_the_caller_to_say(
    clone: Path, make: Make, name: str
) -> None:
    program(clone, "uv", INSTALLS)
    assert make(**{name: "/elsewhere"}).returncode == 0
    assert name not in seen(clone)
    assert "sync --frozen" in (clone / "asked").read_text()
    assert (clone / ".venv" / "bin" / ".synced").exists()


@pytest.mark.parametrize(
    "name",
    [
        "UV_DEFAULT_INDEX",
        "UV_INDEX_OURS_PASSWORD",
        "UV_CACHE_DIR",
        "PIP_INDEX_URL",
        "SSL_CERT_FILE",
    ],
)
def test_where_packages_come_from_is_for_the_caller_to_say(
    clone: Path, make: Make, name: str
) -> None:
    program(clone, "uv", INSTALLS)
    assert make(**{name: "mine"}).returncode == 0
    assert seen(clone)[name] == "mine"


@pytest.mark.parametrize(
    ("installer", "text", "complaint"),
    [
        ("python", "exit 0", "pip has not put uv into .venv"),
        ("python", "exit 1", "Error"),
        ("uv", "exit 0", "uv has not put homing into .venv"),
        ("uv", "exit 2", "Error"),
    ],
)
def test_a_failed_installation_is_reported_and_not_taken_for_a_good_one(
    clone: Path, make: Make, installer: str, text: str, complaint: str
) -> None:
    program(clone, installer, text)
    done = make()
    assert done.returncode != 0
    assert complaint in done.stderr
    assert not (clone / ".venv" / "bin" / ".synced").exists()
