"""Reports the error of a command in one line, and chooses the exit status.

An error from Homing, AWS or the operating system ends the command with exit status 1, and so does a
package that is missing because its extra is not installed. Any other exception is a bug, with exit
status 70 (EX_SOFTWARE in sysexits.h). In both cases `--debug` shows the traceback.
"""

from __future__ import annotations

import errno
import sys
import traceback
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from homing.errors import DependencyError
from homing_cli.commands.command_line import DEBUG, Group, has_stack, walk
from homing_cli.errors import CommandError
from homing_cli.escaping import say

if TYPE_CHECKING:
    from collections.abc import Iterator

FAILED = 1
UNEXPECTED = 70

# Package -> the extra that installs it. Commands import these packages only when they need them.
_EXTRAS = {
    "aws_cdk": "cdk",
    "hypercorn": "local",
    "jinja2": "console",
    "matplotlib": "plots",
    "ministack": "local",
    "psutil": "local",
    "python_multipart": "console",
    "standardwebhooks": "local",
    "starlette": "console",
    "uvicorn": "console",
}

_UNEXPECTED = "unexpected error, a bug in Homing"
_REPORT = "Please report it with the output of the same command with --debug"


class Root(Group):
    """The command `homing` itself.

    It adds `--debug` to all its commands, and `--construct` to those that have `--stack`.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        options = {option.name: option for option in self.params}
        for _, command in walk(self):
            command.params.append(options["debug"])
            if has_stack(command):
                command.params.append(options["construct"])

    def invoke(self, ctx: Any) -> Any:
        """Run the command, and report an error, if there is one, in one line."""
        if isinstance(sys.stdout, TextIOWrapper):
            # Print an escape sequence for each character that the output's encoding lacks.
            sys.stdout.reconfigure(errors="backslashreplace")
        with _one_line_errors(ctx):
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()  # fails here if the disk is full or the pipe closed


@contextmanager
def _one_line_errors(ctx: Any) -> Iterator[None]:
    try:
        yield
    except (typer.TyperException, typer.Exit, typer.Abort):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.EPIPE:
            raise  # the reader has closed the pipe; typer ends silently
        if ctx.meta.get(DEBUG):
            traceback.print_exc()
        line, status = describe(error)
        say(f"homing: {line}", err=True)
        raise typer.Exit(status) from error


def describe(error: Exception) -> tuple[str, int]:
    """Return a description of an error in one line, and the exit status for it."""
    match error:
        case EndpointConnectionError():
            return _line(f"{error}; for a local cloud, run `homing up`"), FAILED
        case CommandError() | ClientError() | BotoCoreError() | DependencyError():
            return _line(str(error)), FAILED
        case ModuleNotFoundError() if error.name in _EXTRAS:
            extra = _EXTRAS[error.name]
            return f"this needs {error.name}: run pip install 'homing[{extra}]'", FAILED
        case OSError() if error.strerror:
            where = f"{error.filename}: " if error.filename else ""
            return _line(f"{where}{error.strerror}"), FAILED
        case _:
            what = _line(f"{type(error).__name__}: {error}")
            return f"{_UNEXPECTED}: {what}. {_REPORT}", UNEXPECTED


def _line(text: str) -> str:
    return " ".join(text.split())
