"""`python -m simulation`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from simulation import __main__ as command
from simulation.planted import PLANTED_BUGS

if TYPE_CHECKING:
    import pytest


def test_it_prints_the_counts_and_the_planted_bugs_it_caught(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(command, "scenarios", lambda: iter(range(1)))
    assert command.main(["--histories", "20", "--workers", "1"]) == 0
    printed = capsys.readouterr().out
    for what in ("histories", "crash points", "faults in all", "invariants", "violations"):
        assert what in printed
    assert re.search(r"^ *0 +violations", printed, re.MULTILINE)
    for bug in PLANTED_BUGS:
        assert re.search(rf"{bug.name} +yes", printed)


def test_a_seed_is_told_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--replay", "3"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("seed 3\n")
    assert "sqs.receive" in printed
