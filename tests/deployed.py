"""Local clouds for tests. Only the first deployment synthesizes the stack; others reuse it."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from synth_cache import SynthCache

from homing_cli.local.deployment import LOCAL_CONTEXT, OWN_APP, App

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

Cloud = TypeVar("Cloud")
_CONTEXT = {"deployed to": "the local cloud", **LOCAL_CONTEXT}


def synthesized() -> Path | None:
    """Return the folder with the stack, which an earlier test synthesized for a local cloud."""
    kept = SynthCache().kept(_CONTEXT)
    return kept if kept.is_dir() else None


@contextmanager
def deployed(
    state_dir: Path, throwaway: Callable[[App], AbstractContextManager[Cloud]]
) -> Iterator[Cloud]:
    """Run a throwaway local cloud in this directory, with the synthesized stack."""
    kept = synthesized()
    with throwaway(App(str(kept)) if kept else OWN_APP) as cloud:
        cache = SynthCache()
        copied = partial(shutil.copytree, state_dir / "cdk.out", dirs_exist_ok=True)
        cache.assembly(_CONTEXT, copied)
        yield cloud
