"""Every command with hostile values of every option: a line and an exit status, never a traceback.

The commands, arguments and options are those of the app itself, so a new one is tried as well.
The cloud is a fake: each call to AWS is refused, and the API finds nothing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from typer import testing
from typer.main import get_command
from typer.testing import CliRunner

from homing.client.connection import Connection
from homing.client.errors import response_error
from homing_cli import app
from homing_cli.client import target
from homing_cli.commands.command_line import Group, walk
from homing_cli.errors import LocalCloudError
from homing_cli.local import local_cloud

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOMING: Any = get_command(app.app)
OF_EVERY_COMMAND = {"stack", "region", "profile", "debug"}
REFUSAL = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "Operation")

# Values that a shell can pass, which is anything but NUL. The last ones are a time out of range,
# and texts that move the cursor, reverse the reading direction, or are not UTF-8.
VALUES = (
    *("", "-", "--", "..", "/", "0", "-1", "nan", "inf", "1e400", "9" * 5000, "null", "{}", "NaN"),
    *("[" * 5000, "a" * 10_000, "a#b", "%s{}", "http://[", "x.xyz", "/dev/null", "1,,2", ":"),
    *("0001-01-01T00:00:00+01:00", "\x1b[2J\u202e\u2028", "\udcff", "٣"),
)


class _Exceptions:
    def __getattr__(self, name: str) -> type[Exception]:
        return type(name, (Exception,), {})


class _Refusing:
    """A client of any service that refuses every call."""

    exceptions = _Exceptions()

    def __getattr__(self, name: str) -> Any:
        def refuse(*_: Any, **__: Any) -> None:
            raise REFUSAL

        return refuse


@pytest.fixture(autouse=True)
def played(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    record = {
        "endpoint": "http://127.0.0.1:9",
        "region": "us-east-1",
        "apiUrl": "http://127.0.0.1:1/api",
    }
    record |= {"senderApiUrl": "http://127.0.0.1:1/s", "accessKeyId": "a", "secretAccessKey": "b"}
    names = {"AttemptLogGroups": "g"} | dict.fromkeys(
        ("DeadLetterQueueUrl", "UndispatchedQueueUrl", "DeliveryQueueUrl"), "http://127.0.0.1:1/q"
    )
    names |= dict.fromkeys(
        ("LedgerTable", "MessagesTable", "KeysTable", "EndpointsTable", "SecretsTable"), "t"
    )
    names |= {"PayloadBucket": "b", "StateMachineArn": "arn:aws:states:us-east-1:1:stateMachine:x"}
    (tmp_path / ".homing").mkdir()
    (tmp_path / ".homing" / "local.json").write_text(json.dumps({**record, "outputs": names}))
    found = target.local_target(tmp_path / ".homing" / "local.json")
    monkeypatch.chdir(tmp_path)
    for name in ("HOMING_STACK", "HOMING_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(target, "local_target", lambda _: found)
    monkeypatch.setattr(target, "aws_target", lambda *_: found)
    monkeypatch.setattr(target.Target, "client", lambda *_: _Refusing())
    monkeypatch.setattr(Connection, "_once", lambda *_: response_error(404, None))
    for module, name in ((local_cloud, "up"), (local_cloud, "down"), (app.server, "serve")):
        monkeypatch.setattr(module, name, refuse_to_start)
    monkeypatch.setattr("homing_cli.console.serve.serve", refuse_to_start)
    # It is slow, and draws frames around messages.
    monkeypatch.setattr("typer.core.HAS_RICH", False)
    build = testing._get_command
    monkeypatch.setattr(testing, "_get_command", lambda it: HOMING if it is app.app else build(it))


def refuse_to_start(*_: Any, **__: Any) -> None:
    raise LocalCloudError("not in this test")


def needed(command: Any) -> list[str]:
    """Return a value for each argument and each required option."""
    arguments = ["x-1" for param in command.params if param.param_type_name == "argument"]
    options = [f"{param.opts[0]}=x-1" for param in command.params if is_needed_option(param)]
    return [*arguments, *options]


def is_needed_option(param: Any) -> bool:
    return bool(param.param_type_name == "option" and param.required)


def values_of_all() -> Iterator[Any]:
    """Return every argument and option with a value; those that all commands have only once."""
    for path, command in walk(HOMING):
        is_group = isinstance(command, Group) and not command.invoke_without_command
        for param in command.params:
            is_flag = param.param_type_name == "option" and param.is_flag
            here = param.name not in OF_EVERY_COMMAND or path == ("status",)
            if here and not is_flag and not is_group:
                yield pytest.param(path, command, param, id=" ".join([*path, param.opts[0]]))


@pytest.mark.parametrize(("path", "command", "param"), [*values_of_all()])
def test_no_value_makes_a_traceback(path: tuple[str, ...], command: Any, param: Any) -> None:
    stack = ["--stack", "A"] if param.name in {"region", "profile"} else []
    send = ["--target", "https://example.com/", "--payload", "1"] if path == ("send",) else []
    for value in VALUES:
        if param.param_type_name == "argument":
            words = [*stack, "--", value]
        else:
            words = [*stack, *send, *needed(command), f"{param.opts[0]}={value}"]
        done = CliRunner().invoke(app.app, [*path, *words])
        assert done.exit_code in {0, 1, 2}, (value[:50], done.output)
        assert "unexpected" not in done.output, (value[:50], done.output)
        assert "Traceback" not in done.output
        assert (done.exit_code == 0) or done.stderr.strip()


@pytest.mark.parametrize("path", [path for path, _ in walk(HOMING)])
def test_no_command_makes_a_traceback_where_the_cloud_refuses(path: tuple[str, ...]) -> None:
    for everything in ([], ["--all"]):
        done = CliRunner().invoke(app.app, [*path, *needed(dict(walk(HOMING))[path]), *everything])
        assert done.exit_code in {0, 1, 2}, done.output
        assert "unexpected" not in done.output, done.output


def test_a_terminal_that_lacks_a_character_gets_another() -> None:
    done = CliRunner(charset="ascii").invoke(app.app, ["what-if", "--histories", "0"])
    assert done.exit_code == 0
    assert "\\u25cf" in done.stdout
