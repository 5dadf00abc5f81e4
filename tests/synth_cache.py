"""Synthesized stacks, kept from one test run to the next as long as their sources do not change."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

PROJECT = Path(__file__).resolve().parents[1]
CACHE = PROJECT / ".cache" / "synth"

# Everything from which a template or an asset is made, and by which it is made.
SOURCES = (
    "app.py",
    "cdk.json",
    "homing",
    "lambdas",
    "pyproject.toml",
    "stacks",
    "statemachine",
    "tests/stacks/conftest.py",
    "tests/synth_cache.py",
    "uv.lock",
)
KEPT = 4  # how many states of the sources are kept, so that switching branches costs nothing


def source_digest(project: Path = PROJECT, sources: Iterable[str] = SOURCES) -> str:
    """Return a digest over the names and contents of all source files."""
    digest = hashlib.sha256()
    for path in sorted(path for name in sources for path in _files(project / name)):
        for part in (str(path.relative_to(project)).encode(), path.read_bytes()):
            digest.update(len(part).to_bytes(8))
            digest.update(part)
    return digest.hexdigest()


class SynthCache:
    """A folder of cloud assemblies, by source and context. Processes may use it concurrently."""

    def __init__(self, folder: Path = CACHE, source: str | None = None) -> None:
        self._folder = folder
        self._source = folder / (source or source_digest())

    def assembly(self, context: Mapping[str, Any], synth: Callable[[Path], None]) -> Path:
        """Return the folder with the assembly of this context.

        Args:
            context: the whole context of the app.
            synth: a function that fills an empty folder; called if there is no such assembly yet.
        """
        kept = self.kept(context)
        if not kept.is_dir():
            self._source.mkdir(parents=True, exist_ok=True)
            made = Path(tempfile.mkdtemp(prefix="making-", dir=self._source))
            try:
                synth(made)
                _rename(made, kept)
            finally:
                shutil.rmtree(made, ignore_errors=True)
            self._forget()
        return kept

    def kept(self, context: Mapping[str, Any]) -> Path:
        """Return the folder of the assembly of this context, which may not exist."""
        name = hashlib.sha256(json.dumps(context, sort_keys=True).encode()).hexdigest()
        return self._source / name

    def _forget(self) -> None:
        """Remove the assemblies of all but the latest states of the sources."""
        self._source.touch()
        known = sorted(self._folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in known[KEPT:]:
            shutil.rmtree(path, ignore_errors=True)


def _files(path: Path) -> Iterable[Path]:
    if path.is_file():
        return [path]
    found = (each for each in path.rglob("*") if each.is_file())
    return [each for each in found if "__pycache__" not in each.parts]


def _rename(made: Path, kept: Path) -> None:
    try:
        os.rename(made, kept)  # noqa: PTH104 -- atomic, and fails where another process was faster
    except OSError:
        if not kept.is_dir():
            raise
