"""Builds the wheel once, and installs it into environments that contain nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Install = Callable[..., "Environment"]

PROJECT = Path(__file__).resolve().parents[2]
UV = Path(sys.prefix, "bin", "uv")


@dataclass(frozen=True)
class Environment:
    """A Python environment, and a working folder outside the checkout."""

    bin: Path
    folder: Path

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment in the working folder."""
        return subprocess.run(  # noqa: S603 -- a program that the wheel brings
            [str(self.bin / command[0]), *command[1:]],
            cwd=self.folder,
            env={"PATH": os.pathsep.join([str(self.bin), os.defpath]), **variables},
            capture_output=True,
            text=True,
            timeout=900,  # long enough for a first deployment on a busy machine
            check=False,
        )


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the sdist, and with the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    uv("build", "--out-dir", str(folder), str(PROJECT))
    return folder


@pytest.fixture(scope="session")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def install(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Install:
    """Install the wheel with some extras into an empty environment."""

    def make(extras: str = "") -> Environment:
        folder = tmp_path_factory.mktemp("installed")
        environment = folder / "env"
        uv("venv", "--python", sys.executable, str(environment))
        python = str(environment / "bin" / "python")
        uv("pip", "install", "--python", python, f"homing{extras} @ {wheel.as_uri()}")
        return Environment(environment / "bin", folder)

    return make


def uv(*arguments: str) -> None:
    done = subprocess.run(  # noqa: S603 -- the environment's own uv
        [str(UV), "--quiet", *arguments], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
