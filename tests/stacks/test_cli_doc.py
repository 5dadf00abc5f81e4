"""docs/cli.md names the outputs of the stack."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")


@pytest.fixture
def stack(synthesize: Callable[..., Any]) -> Any:
    """The stack with every optional part."""
    return synthesize(ingestQueue="true", smokeEndpoint="true")


def test_every_output_of_the_stack_is_on_the_page_and_no_other(stack: Any) -> None:
    table = PAGE.split("### Outputs of the stack")[1]
    named = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert sorted(named) == sorted(stack.template["Outputs"])


def test_permissions_are_on_resources_that_the_stack_puts_out(stack: Any) -> None:
    table = PAGE.split("### What the caller must be allowed to")[1].split("###")[0]
    resources = {row.split("|")[3] for row in table.splitlines() if row.count("|") == 4}
    named = set(re.findall(r"`([A-Z]\w+)`", " ".join(resources)))
    assert {"LedgerTable", "DeliveryQueueUrl", "PayloadBucket"} <= named
    assert named <= set(stack.template["Outputs"])
