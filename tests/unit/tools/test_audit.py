"""The audit of dependencies: a vulnerability fails it, an unreachable service does not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tools.audit import read_report

CLEAN = {"name": "good", "version": "1.0", "vulns": []}
BAD = {"name": "bad", "version": "2.0", "vulns": [{"id": "CVE-1", "fix_versions": ["2.1"]}]}
UNKNOWN = {"name": "ours", "skip_reason": "not found on PyPI"}


def report(*dependencies: dict[str, Any]) -> str:
    return json.dumps({"dependencies": dependencies, "fixes": []})


def test_a_known_vulnerability_fails_the_check_and_is_named() -> None:
    came = read_report(report(CLEAN, BAD))
    assert not came.ok
    assert came.lines[0] == "audit: bad 2.0: CVE-1 (mended in 2.1)"


def test_what_could_not_be_checked_is_said_and_fails_nothing() -> None:
    came = read_report(report(CLEAN, UNKNOWN))
    assert came.ok
    assert came.lines == (
        "audit: 1 packages checked, 0 vulnerabilities known",
        "audit: NOT CHECKED: ours",
    )


@pytest.mark.parametrize("text", ["", "no JSON", "{}", "[]", report(UNKNOWN), report()])
def test_an_audit_that_checked_nothing_says_so(text: str) -> None:
    came = read_report(text)
    assert came.ok
    assert came.lines[0].startswith("audit: NOTHING CHECKED: ")
