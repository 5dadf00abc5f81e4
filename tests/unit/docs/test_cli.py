"""docs/cli.md agrees with the options and arguments of `homing`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer.main import get_command

from homing_cli.app import app
from homing_cli.receiver.server import DEFAULT_PORT

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")


def commands(group: Any, *path: str) -> Iterator[tuple[str, Any]]:
    """Every command by its name, including groups that are also commands."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            if command.invoke_without_command:
                yield " ".join((*path, name)), command
            yield from commands(command, *path, name)
        else:
            yield " ".join((*path, name)), command


def named(beginning: str, end: str) -> set[str]:
    return set(re.findall(r"`([a-z -]+)`", PAGE.split(beginning)[1].split(end)[0]))


def test_every_command_is_in_the_table() -> None:
    table = PAGE.split("## Sending")[0]
    for name, _ in commands(get_command(app)):
        whole, _, part = name.partition(" ")
        (row,) = re.findall(rf"^\| `homing {whole}\b.*$", table, re.MULTILINE)
        assert part in row


def test_the_page_names_the_commands_that_take_json() -> None:
    takes = {
        name
        for name, command in commands(get_command(app))
        if any("--json" in option.opts for option in command.params)
    }
    assert named("these take `--json`:", ";") == takes


def test_what_prints_json_always_is_a_command_that_is_not_asked_for_it() -> None:
    always = named("these print JSON always:", ";")
    known = dict(commands(get_command(app)))
    assert len(always) == 6
    for name in always:
        assert not any("--json" in option.opts for option in known[name].params)


def test_the_first_example_sends_to_where_the_receiver_listens() -> None:
    assert f"--target http://127.0.0.1:{DEFAULT_PORT}/" in PAGE
    assert f"listens on port {DEFAULT_PORT}" in PAGE
