"""A cached stack is used as long as its sources do not change, and is made only once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from synth_cache import KEPT, PROJECT, SOURCES, SynthCache, source_digest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONTEXT = {"stage": "test"}


def write(folder: Path) -> None:
    (folder / "manifest.json").write_text("{}")


def must_not_run(folder: Path) -> None:
    raise AssertionError(folder)


def test_what_was_synthesized_once_is_not_synthesized_again(tmp_path: Path) -> None:
    made = SynthCache(tmp_path, "source").assembly(CONTEXT, write)
    assert (made / "manifest.json").read_text() == "{}"
    assert SynthCache(tmp_path, "source").assembly(CONTEXT, must_not_run) == made


@pytest.mark.parametrize(("source", "context"), [("other", CONTEXT), ("source", {"stage": "x"})])
def test_another_source_or_context_is_another_stack(
    tmp_path: Path, source: str, context: dict[str, str]
) -> None:
    first = SynthCache(tmp_path, "source").assembly(CONTEXT, write)
    assert SynthCache(tmp_path, source).assembly(context, write) != first


def test_a_synth_that_fails_leaves_nothing(tmp_path: Path) -> None:
    cache = SynthCache(tmp_path, "source")
    with pytest.raises(AssertionError):
        cache.assembly(CONTEXT, must_not_run)
    assert list((tmp_path / "source").iterdir()) == []
    assert cache.assembly(CONTEXT, write).is_dir()


def test_processes_that_race_get_the_same_whole_stack(tmp_path: Path) -> None:
    def raced(folder: Path) -> None:
        SynthCache(tmp_path, "source").assembly(CONTEXT, write)
        write(folder)

    made = SynthCache(tmp_path, "source").assembly(CONTEXT, raced)
    assert [path.name for path in made.parent.iterdir()] == [made.name]
    assert (made / "manifest.json").is_file()


def test_only_the_latest_states_of_the_sources_are_kept(tmp_path: Path) -> None:
    for number in range(KEPT + 2):
        SynthCache(tmp_path, f"source-{number}").assembly(CONTEXT, write)
    assert len(list(tmp_path.iterdir())) == KEPT
    assert (tmp_path / f"source-{KEPT + 1}").is_dir()


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "a" / "one.py").write_text("2"),
        lambda folder: (folder / "a" / "one.py").rename(folder / "a" / "two.py"),
        lambda folder: (folder / "a" / "new").touch(),
        lambda folder: (folder / "b.json").write_text("2"),
    ],
    ids=["contents", "name", "another file", "a file named itself"],
)
def test_any_change_of_a_source_changes_the_digest(
    tmp_path: Path, change: Callable[[Path], object]
) -> None:
    (tmp_path / "a" / "__pycache__").mkdir(parents=True)
    (tmp_path / "a" / "one.py").write_text("1")
    (tmp_path / "b.json").write_text("1")
    before = source_digest(tmp_path, ["a", "b.json"])
    (tmp_path / "a" / "__pycache__" / "one.pyc").touch()
    assert source_digest(tmp_path, ["a", "b.json"]) == before
    change(tmp_path)
    assert source_digest(tmp_path, ["a", "b.json"]) != before


def test_every_source_is_there() -> None:
    assert [name for name in SOURCES if not (PROJECT / name).exists()] == []
