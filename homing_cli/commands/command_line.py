"""Parsing of arguments, the same for every command of `homing`.

- An option may stand before a subcommand: `homing dead-letters --stack A list` is the same as
  `homing dead-letters list --stack A`. A subcommand that does not have the option refuses it.
- A value must be text and not empty, so that an unset shell variable does not mean "all".
- `--region`, `--profile` and `--construct` need `--stack`; without it they are an error.
- Every command that has `--stack` has `--construct`. The value of `--construct` is appended to the
  stack's name: `--stack Shop --construct Webhooks` is the same as `--stack Shop/Webhooks`.
"""

from __future__ import annotations

import inspect
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from homing_cli.commands.options import Profile, Region, Stack, Where
from homing_cli.commands.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEBUG = "homing.debug"  # a key in `Context.meta`, which all contexts of one call share

# Options that may be empty: an empty --description removes the description, and an empty text is a
# valid payload.
_MAY_BE_EMPTY = frozenset({"description", "payload"})

_GROUPS = (Where, Selection)
_STACK = "stack"
_OF_A_STACK = frozenset({"region", "profile", "construct"})
CONSTRUCT = "homing.construct"  # another key in `Context.meta`


def _ask_for_debug(context: typer.Context, asked: bool) -> None:
    context.meta[DEBUG] = asked or context.meta.get(DEBUG, False)


Debug = Annotated[
    bool,
    typer.Option(
        "--debug",
        envvar="HOMING_DEBUG",
        help="Show the traceback of an error.",
        callback=_ask_for_debug,
        expose_value=False,
        show_default=False,
    ),
]


def _note_construct(context: typer.Context, construct: str | None) -> None:
    if construct:
        context.meta[CONSTRUCT] = construct


Construct = Annotated[
    str | None,
    typer.Option(
        "--construct",
        help="The path of the construct, in a stack that has several Homings.",
        callback=_note_construct,
        expose_value=False,
        show_default=False,
        rich_help_panel="Where",
    ),
]


class Command(TyperCommand):
    """A command whose values are checked: each must be text and not empty."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments as typer does, and check them.

        Raises:
            typer.BadParameter: when a value is empty or not text, or an option is given without
                another that it needs.
        """
        rest = super().parse_args(ctx, list(args))
        _check_values(ctx, args)
        _check_where(ctx)
        _add_construct(ctx)
        return rest


class Group(TyperGroup):
    """A group of commands. Options that stand before a command are moved behind it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments, with the options of the group moved after the command's name.

        Raises:
            typer.BadParameter: when a value is empty or not text, or an option is given without
                another that it needs.
        """
        rest = super().parse_args(ctx, self._with_options_behind(ctx, list(args)))
        _check_values(ctx, args)
        _check_where(ctx)
        return rest

    def _with_options_behind(self, ctx: Any, args: list[str]) -> list[str]:
        _, rest, given = self.make_parser(ctx).parse_args(args=list(args))
        before = args[: len(args) - len(rest)]
        if not rest or not before or any(option.is_eager for option in given):
            return args
        if before[-1] == "--":
            ctx.fail(f"'--' cannot stand before {rest[0]}")
        return [rest[0], *before, *rest[1:]]


class Commands(typer.Typer):
    """A `typer.Typer` with commands of class `Command` and groups of class `Group`."""

    def __init__(self, cls: type[Group] = Group, **settings: Any) -> None:
        super().__init__(cls=cls, add_completion=False, **settings)

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        """Return a decorator that registers a function as a command and returns it unchanged."""
        return _registering(super().command(name, cls=Command, **settings))

    def callback(self, **settings: Any) -> Callable[[Any], Any]:
        """Return a decorator that registers a function as the callback and returns it unchanged."""
        return _registering(super().callback(**settings))


def pass_on(stack: Stack = None, region: Region = None, profile: Profile = None) -> None:
    """Accept the options of `Where` before a command; the group passes them on to the command."""


def _registering(register: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def decorate(function: Any) -> Any:
        register(_with_options(function))
        return function

    return decorate


def _with_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function whose `Where` and `Selection` parameters are replaced by their options."""
    signature = inspect.signature(function, eval_str=True)
    every = signature.parameters.values()
    groups = {each.name: each.annotation for each in every if each.annotation in _GROUPS}
    if not groups:
        return function
    kept = [each for each in every if each.name not in groups]
    options = {
        name: inspect.signature(group, eval_str=True).parameters for name, group in groups.items()
    }

    @wraps(function)
    def command(**given: Any) -> Any:
        made = {
            name: group(**{option: given.pop(option) for option in options[name]})
            for name, group in groups.items()
        }
        return function(**given, **made)

    added = [option for each in options.values() for option in each.values()]
    command.__dict__["__signature__"] = signature.replace(parameters=[*kept, *added])
    return command


def walk(command: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command and group below a group, each with its path of names."""
    for name, each in getattr(command, "commands", {}).items():
        yield (*path, name), each
        yield from walk(each, *path, name)


def _check_values(ctx: Any, args: list[str]) -> None:
    given, _, order = ctx.command.make_parser(ctx).parse_args(args=list(args))
    for param in order:
        found = given.get(param.name)
        for value in found if isinstance(found, (list, tuple)) else (found,):
            if isinstance(value, str) and (problem := _problem(param, value)):
                raise typer.BadParameter(problem, ctx=ctx, param=param)


def _check_where(ctx: Any) -> None:
    if ctx.params.get(_STACK, True):  # the option is given, or the command does not have it
        return
    given = ctx.params | {"construct": ctx.meta.get(CONSTRUCT)}
    for param in ctx.command.params:
        if param.name in _OF_A_STACK and given[param.name]:
            problem = "needs --stack"
            raise typer.BadParameter(problem, ctx=ctx, param=param)


def _add_construct(ctx: Any) -> None:
    if CONSTRUCT in ctx.meta and ctx.params.get(_STACK):
        ctx.params[_STACK] += f"/{ctx.meta[CONSTRUCT]}"


def has_stack(command: Any) -> bool:
    """Return whether a command or group has the option `--stack`."""
    return any(param.name == _STACK for param in command.params)


def _problem(param: Any, value: str) -> str:
    if not value.strip() and param.name not in _MAY_BE_EMPTY:
        return "is empty: give a value or leave the option out"
    kind = param.type_descriptor
    if kind.is_path or kind.is_file or _is_text(value):
        return ""
    return "is not valid UTF-8"


def _is_text(value: str) -> bool:
    # Bytes from the shell that are invalid in the locale's encoding arrive as lone surrogates
    # (PEP 383).
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
