"""The findings of checks, and the conclusion from all of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


class Outcome(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "FAILED"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Args:
        check: what was checked.
        outcome: how it ended.
        says: what was found, as a sentence without the full stop.
        fix: what to do about it; empty if nothing has to be done.
    """

    check: str
    outcome: Outcome
    says: str
    fix: str = ""

    def to_document(self) -> dict[str, Any]:
        """Return the finding as an entry of the list that `--json` prints."""
        return {
            "check": self.check,
            "outcome": self.outcome.value,
            "says": self.says,
            "fix": self.fix,
        }


def works(findings: Sequence[Finding]) -> bool:
    """Return whether a message was delivered: there are findings, and no check has failed."""
    return bool(findings) and not any(one.outcome is Outcome.FAILED for one in findings)


def conclusion(findings: Sequence[Finding]) -> str:
    """Return the conclusion from the findings, as a sentence."""
    for one in findings:
        if one.outcome is Outcome.FAILED:
            return f"It does not work. {one.check}: {one.says}. {one.fix}"
    warnings = [f"{one.check}: {one.says}" for one in findings if one.outcome is Outcome.WARNING]
    return f"Everything works, but {'; '.join(warnings)}" if warnings else "Everything works"
