"""Known vulnerabilities of what the project depends on: `python -m tools.audit`.

Asks PyPI's advisories about every package of the environment, by way of pip-audit. A vulnerability
fails the check. An advisory service that cannot be reached does not, since a build must not depend
on it; but that nothing was checked is reported.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

_SECONDS = 90
_COMMAND = ("--format", "json", "--progress-spinner", "off", "--skip-editable", "--timeout", "10")


@dataclass(frozen=True, slots=True)
class Audit:
    """What came of an audit.

    Args:
        lines: what to tell people.
        ok: False where a vulnerability is known.
    """

    lines: tuple[str, ...]
    ok: bool


def read_report(text: str) -> Audit:
    """Read pip-audit's JSON; what is no such report counts as nothing checked."""
    try:
        dependencies = json.loads(text)["dependencies"]
        found = [line for each in dependencies for line in _vulnerabilities(each)]
        unknown = [each["name"] for each in dependencies if "skip_reason" in each]
    except (ValueError, KeyError, TypeError):
        return unchecked("pip-audit gave no report")
    checked = len(dependencies) - len(unknown)
    if not checked:
        return unchecked("the advisory service answers for none of the packages")
    summary = f"audit: {checked} packages checked, {len(found)} vulnerabilities known"
    missing = (f"audit: NOT CHECKED: {', '.join(unknown)}",) if unknown else ()
    return Audit((*found, summary, *missing), ok=not found)


def unchecked(reason: str) -> Audit:
    """Say that nothing was checked, and why."""
    return Audit((f"audit: NOTHING CHECKED: {reason}",), ok=True)


def _vulnerabilities(dependency: dict[str, Any]) -> list[str]:
    return [
        f"audit: {dependency['name']} {dependency['version']}: {found['id']}"
        f" (mended in {', '.join(found['fix_versions']) or 'no version'})"
        for found in dependency.get("vulns", ())
    ]


def audit() -> Audit:
    """Audit the environment that this runs in."""
    command = [sys.executable, "-m", "pip_audit", *_COMMAND]
    try:
        done = subprocess.run(  # noqa: S603 -- the environment's own pip-audit
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return unchecked(str(error))
    if not done.stdout.strip():
        return unchecked((done.stderr.strip().splitlines() or ["no answer"])[-1])
    return read_report(done.stdout)


if __name__ == "__main__":
    came = audit()
    sys.stdout.write("\n".join([*came.lines, ""]))
    sys.exit(0 if came.ok else 1)
