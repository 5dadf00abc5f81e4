"""Prints the table of settings for docs/operations.md: `python -m tools.settings_table`."""

from __future__ import annotations

import json
import sys

from stacks.settings import StackSettings
from stacks.settings.problems import allowed_values


def settings_table() -> str:
    """Return the settings of the stack as a Markdown table."""
    rows = ["| key | default | allowed | meaning |", "|---|---|---|---|"]
    for field in StackSettings.model_fields.values():
        default = json.dumps(field.default).strip('"')
        rows.append(
            f"| `{field.alias}` | {default} | {allowed_values(field)} | {field.description} |"
        )
    return "\n".join([*rows, ""])


if __name__ == "__main__":
    sys.stdout.write(settings_table())
