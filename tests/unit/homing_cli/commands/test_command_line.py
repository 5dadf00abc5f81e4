"""How `homing` parses its arguments: the same rules for every command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import typer
from typer import testing
from typer.main import get_command
from typer.testing import CliRunner

from homing.errors import DependencyError
from homing_cli import boundary
from homing_cli.app import app
from homing_cli.commands import command_line
from homing_cli.commands.command_line import Command, Group, walk
from homing_cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator

HOMING: Any = get_command(app)
COMMANDS = dict(walk(HOMING))
GROUPS = {(): HOMING, **{path: each for path, each in COMMANDS.items() if isinstance(each, Group)}}
LEAVES = {path: each for path, each in COMMANDS.items() if path not in GROUPS}


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOMING_STACK", raising=False)
    monkeypatch.delenv("HOMING_DEBUG", raising=False)


@pytest.fixture(autouse=True)
def built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use one tree of commands for all calls of the app, which is faster and can be patched."""
    build = testing._get_command
    # It is slow, and draws frames around messages.
    monkeypatch.setattr("typer.core.HAS_RICH", False)
    monkeypatch.setattr(testing, "_get_command", lambda it: HOMING if it is app else build(it))


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Make every command accept its arguments and do nothing else."""
    seen: list[dict[str, Any]] = []
    for command in COMMANDS.values():
        monkeypatch.setattr(command, "callback", lambda **given: seen.append(given))
    return seen


def run(*arguments: str) -> int:
    return CliRunner().invoke(app, list(arguments)).exit_code


def value_of(option: Any) -> list[str]:
    return [] if option.is_flag else ["1"]


def needed(command: Any) -> list[str]:
    """Return a value for each argument and each required option."""
    arguments = ["x-1" for param in command.params if param.param_type_name == "argument"]
    options = [f"{param.opts[0]}=x-1" for param in command.params if is_needed_option(param)]
    return [*arguments, *options]


def is_needed_option(param: Any) -> bool:
    return bool(param.param_type_name == "option" and param.required)


def before_and_after() -> Iterator[Any]:
    """Return every option that may stand before a command, with each such command."""
    for group_path, group in GROUPS.items():
        for path, command in LEAVES.items():
            if path[: len(group_path)] != group_path:
                continue
            for option in group.params:
                if not option.is_eager:
                    words = [option.opts[0], *value_of(option)]
                    yield pytest.param(
                        group_path, path, command, words, id=" ".join([*group_path, *words, *path])
                    )


@pytest.mark.parametrize(("group", "path", "command", "words"), [*before_and_after()])
def test_an_option_before_a_command_means_what_it_means_after_it(
    taken: list[dict[str, Any]],
    group: tuple[str, ...],
    path: tuple[str, ...],
    command: Any,
    words: list[str],
) -> None:
    stack = ["--stack", "A"] if words[0] in {"--region", "--profile", "--construct"} else []
    if not any("--stack" in param.opts for param in command.params):
        stack = []
    rest = [*path[len(group) :], *needed(command)]
    before = run(*group, *words, *stack, *rest)
    seen_before, taken[:] = list(taken), []
    after = run(*path, *words, *stack, *needed(command))
    assert (before, seen_before) == (after, taken)
    assert before in {0, 2}
    assert (before == 0) == any(words[0] in param.opts for param in command.params)


def test_a_stack_before_a_command_counts_more_than_the_environment(
    taken: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOMING_STACK", "A")
    run("--stack", "C", "dead-letters", "--stack", "B", "redrive", "--all")
    run("dead-letters", "redrive", "--all")
    assert [one["stack"] for one in taken if "everything" in one] == ["B", "A"]


def test_each_group_takes_the_options_that_say_where_to() -> None:
    for path, group in GROUPS.items():
        assert {"stack", "region", "profile"} <= {param.name for param in group.params}, path


def test_each_command_reads_its_arguments_by_these_rules() -> None:
    assert [path for path, each in COMMANDS.items() if not isinstance(each, (Command, Group))] == []


@pytest.mark.parametrize(
    "words",
    [
        ("dead-letters", "redrive", "--all", "--stack", "A", "--construct", "B/C"),
        ("dead-letters", "--construct", "B/C", "redrive", "--all", "--stack", "A"),
        ("--stack", "A/B/C", "dead-letters", "redrive", "--all"),
    ],
)
def test_the_construct_becomes_part_of_the_stack(
    taken: list[dict[str, Any]], words: tuple[str, ...]
) -> None:
    assert run(*words) == 0
    assert [one["stack"] for one in taken if "everything" in one] == ["A/B/C"]


@pytest.mark.parametrize("option", ["--region", "--profile", "--construct"])
@pytest.mark.parametrize("path", [("status", "m-1"), ("dead-letters",), ("senders", "list")])
def test_where_a_stack_is_cannot_be_said_without_a_stack(
    path: tuple[str, ...], option: str
) -> None:
    done = CliRunner().invoke(app, [*path, option, "x"], env={"COLUMNS": "200"})
    assert done.exit_code == 2
    assert f"'{option}': needs --stack" in done.stderr


def every_text() -> Iterator[Any]:
    for path, command in {**GROUPS, **LEAVES}.items():
        for param in command.params:
            if not getattr(param, "is_flag", False):
                yield pytest.param(path, command, param, id=" ".join([*path, param.opts[0]]))


@pytest.mark.parametrize(("path", "command", "param"), [*every_text()])
@pytest.mark.parametrize("empty", ["", " "])
def test_no_value_is_empty(path: tuple[str, ...], command: Any, param: Any, empty: str) -> None:
    if param.param_type_name == "argument":
        name, words = param.metavar, [empty]
    else:
        name, words = param.opts[0], [*needed(command), param.opts[0], empty]
    done = CliRunner().invoke(app, [*path, *words], env={"COLUMNS": "200"})
    if param.name in {"payload", "description"}:
        assert "is empty" not in done.stderr
    else:
        assert done.exit_code == 2
        assert name in done.stderr


def test_what_is_not_utf8_is_refused() -> None:
    done = CliRunner().invoke(app, ["send", "--payload", '"\udcff"'], env={"COLUMNS": "200"})
    assert done.exit_code == 2
    assert "'--payload': is not valid UTF-8" in done.stderr


def failing(error: Exception) -> Any:
    """An app with one group, whose only command raises an error."""
    made = command_line.Commands(cls=boundary.Root)

    @made.callback()
    def whole(debug: command_line.Debug = False) -> None:  # noqa: FBT002 -- typer
        pass

    @made.command("fail")
    def fail() -> None:
        raise error

    return made


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (CommandError("no such thing"), 1, "homing: no such thing"),
        (CommandError("a\nb\x1b[31m\u202ec"), 1, r"homing: a b\u001b[31m\u202ec"),
        (PermissionError(13, "Permission denied", "x.png"), 1, "homing: x.png: Permission denied"),
        (DependencyError("the queue refused it"), 1, "homing: the queue refused it"),
        (KeyError("MessagesUrl"), 70, "homing: unexpected error, a bug in Homing: KeyError: "),
        (RecursionError("too deep"), 70, "homing: unexpected error, a bug in Homing: Recursion"),
        (MemoryError(), 70, "homing: unexpected error, a bug in Homing: MemoryError"),
    ],
)
def test_an_error_is_one_line_and_with_debug_its_traceback_too(
    error: Exception, status: int, line: str
) -> None:
    done = CliRunner().invoke(failing(error), ["fail"])
    assert done.exit_code == status
    assert done.stderr.startswith(line)
    assert done.stderr.count("\n") == 1
    for arguments in (["--debug", "fail"], ["fail", "--debug"]):
        shown = CliRunner().invoke(failing(error), arguments)
        assert shown.exit_code == status
        assert shown.stderr.startswith("Traceback (most recent call last)")
        assert line in shown.stderr


@pytest.mark.parametrize(
    ("error", "status"),
    [(typer.Exit(3), 3), (typer.BadParameter("no"), 2), (KeyboardInterrupt(), 130)],
)
def test_a_deliberate_exit_keeps_its_status(error: Exception, status: int) -> None:
    done = CliRunner().invoke(failing(error), ["fail"])
    assert done.exit_code == status
    assert "unexpected" not in done.output
