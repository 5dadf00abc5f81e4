"""The AwsSolutions rules of cdk-nag are kept, or suppressed at the construct with a reason."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[2]


def report(tmp_path: Path, **context: str) -> dict[str, Any]:
    """Return what the rules find in a stack, and what is suppressed."""
    from aws_cdk import App, Validations  # noqa: PLC0415 -- slow, and only here
    from cdk_nag import AwsSolutionsChecks  # noqa: PLC0415

    from stacks.application import build  # noqa: PLC0415

    flags = json.loads((PROJECT / "cdk.json").read_text())["context"]
    app = App(context={**flags, **context}, outdir=str(tmp_path))
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    build(app)
    with suppress(RuntimeError):  # its findings are in the report
        app.synth()
    written = json.loads((tmp_path / "validation-report.json").read_text())
    (ours,) = [one for one in written["pluginReports"] if one["pluginName"] == "AwsSolutions"]
    return dict(ours)


@pytest.mark.slow
@pytest.mark.parametrize(
    "context", [{}, {"expressPath": "false"}, {"stage": "test"}, {"smokeEndpoint": "true"}]
)
def test_no_rule_is_broken_without_a_reason(tmp_path: Path, context: dict[str, str]) -> None:
    found = report(tmp_path, **context)
    assert found["violations"] == []
    assert found["suppressedViolations"]
    assert all(len(each["reason"]) > 20 for each in found["suppressedViolations"])
