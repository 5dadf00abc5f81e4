"""docs/embed.md: its examples run, and its table of permissions agrees with the template."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PAGE = (PROJECT / "docs" / "embed.md").read_text()
ROLE = "AWS::IAM::Role"


def permissions(stack: Any) -> dict[str, str]:
    """What each role may do, without writing logs and traces, as `Queue: Action, Action`."""
    rows = {}
    for role in stack.resources(ROLE):
        found: dict[str, list[str]] = {}
        for action, on in sorted(stack.allowed(role)):
            if on != "*" and not action.startswith("logs:"):
                resource = re.sub(r"(/\*|:\$LATEST)$|^arn:.*:", "", on)
                found.setdefault(resource, []).append(action.partition(":")[2])
        cells = [f"{on}: {', '.join(dict.fromkeys(actions))}" for on, actions in found.items()]
        name = role.removesuffix("/Role").removesuffix("Role").rpartition("/")[2]
        rows[name] = "; ".join(sorted(cells)) or "nothing else"
    return rows


def test_the_table_of_permissions_is_that_of_the_template(stack: Any) -> None:
    table = PAGE.partition("<!-- permissions -->\n")[2].partition("<!-- /permissions -->")[0]
    listed = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", table, re.MULTILINE))
    assert listed == permissions(stack)


def test_the_table_of_attributes_names_what_the_construct_has() -> None:
    from stacks.homing_construct import Homing  # noqa: PLC0415 -- starts Node

    table = PAGE.partition("| attribute |")[2].partition("\n\n")[0]
    cells = re.findall(r"^\| (`.+?) \|", table, re.MULTILINE)
    listed = {name for cell in cells for name in re.findall(r"`(\w+)(?:\(\))?`", cell)}
    public = {name for name in vars(Homing) if not name.startswith("_") and "jsii" not in name}
    assert listed == public


@pytest.mark.slow
def test_the_examples_run_one_after_another(tmp_path: Path) -> None:
    # The name that it has in the wheel.
    (tmp_path / "homing_cdk.py").write_text("from stacks import *\n")
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout" / "checkout.py").touch()
    examples = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "app.py").write_text("\n".join([*examples, "app.synth(force=True)"]))
    done = subprocess.run(
        [sys.executable, "app.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "CDK_OUTDIR": str(tmp_path / "out")},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    template = json.loads((tmp_path / "out" / "Shop.template.json").read_text())
    handlers = {one.get("Properties", {}).get("Handler") for one in template["Resources"].values()}
    assert {"checkout.handler", "lambdas.deliver.handler"} <= handlers
