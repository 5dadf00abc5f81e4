"""The bundle of the functions contains their sources, and matching compiled code."""

from __future__ import annotations

import _imp
import os
import sys
from pathlib import Path

import pytest

from stacks.functions import bundle, lambda_python
from stacks.functions.bundle import make_bundle
from stacks.functions.lambda_python import VERSION, find_python

# The test uses this Python, since Lambda's own is not on every machine.
PYTHON = find_python() or Path(sys.executable)


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("compiled"), PYTHON)


def test_without_that_python_it_has_sources_alone(tmp_path: Path) -> None:
    names = files(make_bundle(tmp_path, None))
    assert {"lambdas/accept.py", "homing/delivery.py"} <= set(names)
    assert {name.partition("/")[0] for name in names} == {"homing", "lambdas"}
    assert all(name.endswith(".py") for name in names)
    assert not [name for name in names if name.startswith("homing/client/")]


def test_with_it_every_source_is_compiled_and_nothing_else(compiled: Path, tmp_path: Path) -> None:
    made = files(compiled)
    sources = {name: text for name, text in made.items() if name.endswith(".py")}
    assert sources == files(make_bundle(tmp_path, None))
    stems = {(Path(name).parent, Path(name).stem) for name in sources}
    others = [Path(name) for name in made if name not in sources]
    assert {(each.parent.parent, each.name.partition(".")[0]) for each in others} == stems
    assert {each.suffix for each in others} == {".pyc"}


def test_the_same_sources_give_the_same_bytes_wherever_and_whenever(
    compiled: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "a" / "longer" / "path"
    assert files(make_bundle(elsewhere, PYTHON)) == files(compiled)


def test_compiled_code_is_loaded_without_a_look_at_its_source(compiled: Path) -> None:
    """So Lambda does not compile again, whatever the time of a file in the archive."""
    for name, content in files(compiled).items():
        if name.endswith(".pyc"):
            flags = int.from_bytes(content[4:8], "little")
            assert flags == 0b01, name  # by hash, unchecked (PEP 552)


def test_compiled_code_has_the_hash_of_the_source_beside_it(compiled: Path) -> None:
    made = files(compiled)
    for name, content in made.items():
        if name.endswith(".pyc"):
            path = Path(name)
            source = made[str(path.parent.parent / f"{path.name.partition('.')[0]}.py")]
            # The magic number of the Python that compiled it.
            magic = int.from_bytes(content[:4], "little")
            assert content[8:16] == _imp.source_hash(magic, source), name


def test_a_process_makes_one_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "find_python", lambda: None)
    assert bundle.bundle() is bundle.bundle()


@pytest.mark.parametrize("output", ["", "3.11 cpython", f"{VERSION} pypy"])
def test_what_is_named_like_that_python_and_is_not_it_is_passed_over(
    output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shim, true = tmp_path / "shims" / f"python{VERSION}", tmp_path / "bin" / f"python{VERSION}"
    for path, said in ((shim, output), (true, f"{VERSION} cpython")):
        path.parent.mkdir()
        path.write_text(f"#!/bin/sh\necho {said}\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, (shim.parent, true.parent))))
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "nobody")
    assert lambda_python.find_python.__wrapped__() == true
    monkeypatch.setenv("PATH", str(shim.parent))
    assert lambda_python.find_python.__wrapped__() is None
