"""`python -m simulation`."""

from __future__ import annotations

import re

import pytest

from simulation import __main__ as command
from simulation.search.planted import PLANTED_BUGS, PlantedBug


@pytest.mark.slow
def test_it_prints_the_counts_and_the_planted_bugs_it_caught(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(command, "scenarios", lambda: iter(range(1)))
    monkeypatch.setattr(command, "PLANTED_BUGS", PLANTED_BUGS[2:4])
    assert command.main(["--histories", "20", "--workers", "1"]) == 0
    printed = capsys.readouterr().out
    for what in ("histories", "crash points", "faults in all", "invariants", "violations"):
        assert what in printed
    assert re.search(r"^ *0 +violations", printed, re.MULTILINE)
    for bug in PLANTED_BUGS[2:4]:
        assert re.search(rf"{bug.name} +yes", printed)


def test_a_planted_bug_that_is_not_caught_fails_the_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    none = PlantedBug("no bug at all", PLANTED_BUGS[2].scenario)
    monkeypatch.setattr(command, "PLANTED_BUGS", (none,))
    assert command.main(["--histories", "5", "--workers", "1", "--no-single-faults"]) == 1
    assert re.search("no bug at all +no", capsys.readouterr().out)


def test_replay_prints_the_history_of_a_seed(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--replay", "3"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("seed 3\n")
    assert "sqs.receive" in printed


def test_fresh_histories_begin_at_a_seed_that_is_printed_to_run_them_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "PLANTED_BUGS", ())
    monkeypatch.setattr(command, "randbelow", lambda _: 41)
    alone = ["--workers", "1", "--no-single-faults"]
    assert command.main([*alone, "--histories", "0", "--fresh", "7"]) == 0
    printed = capsys.readouterr().out
    again = re.search(r"to run them again: (.*)", printed)
    assert again is not None
    assert "--seed 1000041 " in again[1]
    assert command.main([*alone, *again[1].split()]) == 0
    assert counts(capsys.readouterr().out) == counts(printed)


def counts(printed: str) -> list[str]:
    """Return the lines of the totals without the line with the time."""
    lines = re.findall(r"^ *[\d,]+  .*$", printed, re.MULTILINE)
    return [line for line in lines if "histories in" not in line]
