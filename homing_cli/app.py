"""The command `homing`: reads the arguments, calls one function, prints what it gave."""

from __future__ import annotations

import re
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated

import typer

from homing.errors import InvalidMessageError
from homing.identifiers import DEFAULT_SENDER_ID
from homing_cli.boundary import Root
from homing_cli.client import messages
from homing_cli.client.api import ApiClient
from homing_cli.client.target import find_target, local_target
from homing_cli.commands import endpoints, send, senders, undispatched
from homing_cli.commands.command_line import Commands, Debug
from homing_cli.commands.console import console as console_page
from homing_cli.commands.cost import cost
from homing_cli.commands.endpoint_options import header_map, policy_object
from homing_cli.commands.operations import operating
from homing_cli.commands.options import AsJson, Port, Profile, Region, Sender, Stack, print_json
from homing_cli.commands.reading import reading
from homing_cli.commands.recovery import acting
from homing_cli.commands.watch import watch
from homing_cli.commands.what_if import what_if
from homing_cli.demo import runner
from homing_cli.demo.scenarios import complaints
from homing_cli.errors import CommandError
from homing_cli.escaping import say
from homing_cli.local import local_cloud
from homing_cli.receiver import server
from homing_cli.terminal import live, render

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from homing.errors import FieldError
    from homing_cli.client.messages import Handed, Line, MessageRef
    from homing_cli.commands.send import Report
    from homing_cli.receiver.server import Arrival


app = Commands(
    cls=Root,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


# What is not simply the field of the API with hyphens.
_OPTIONS = {
    "targetUrl": "target",
    "senderId": "sender",
    "endpointId": "endpoint",
    "headers": "header",
}


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"homing {version('homing')}")
        raise typer.Exit


@app.callback()
def whole(
    asked: Annotated[
        bool,
        typer.Option("--version", help="Say the version.", is_eager=True, callback=_say_version),
    ] = False,
    debug: Debug = False,
    stack: Stack = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Homing delivers notifications over HTTP and does not give up easily."""


@app.command()
def up(port: Port = None) -> None:
    """Start the local cloud and deploy Homing to it; again, to deploy what has changed."""
    cloud = local_cloud.up(port, say=_say)
    _say(f"up: {cloud.api_url} (names and endpoints: {local_cloud.STATE_DIR / local_cloud.RECORD})")


@app.command()
def down() -> None:
    """Stop the local cloud. What it held is gone."""
    _say("down" if local_cloud.down(say=_say) else "there was no local cloud")


@app.command("send")
def send_command(
    target: Annotated[str | None, typer.Option(help="The URL to deliver to.")] = None,
    endpoint: Annotated[
        str | None, typer.Option(help="The id of the endpoint to deliver to, instead of a URL.")
    ] = None,
    payload: Annotated[
        str | None, typer.Option(help="The payload: JSON, or any text with --content-type.")
    ] = None,
    file: Annotated[
        typer.FileBinaryRead | None,
        typer.Option(help="JSON Lines: each line a request body of the API; - for standard input."),
    ] = None,
    message_id: Annotated[str | None, typer.Option(help="Made up where not given.")] = None,
    sender: Sender = None,
    correlation_id: Annotated[str | None, typer.Option(help="Goes with it everywhere.")] = None,
    content_type: Annotated[str | None, typer.Option(help="By default application/json.")] = None,
    deliver_at: Annotated[
        str | None, typer.Option(help="Not before, e.g. 2026-01-31T12:00:00Z.")
    ] = None,
    policy: Annotated[
        str | None, typer.Option(help="A retry policy of its own, as a JSON object.")
    ] = None,
    header: Annotated[
        list[str] | None, typer.Option(help="Name: value, sent along; may be given again.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow until each has ended.")] = False,
    timeout: Annotated[
        float | None, typer.Option(min=0, help="With --wait: follow no longer, in seconds.")
    ] = None,
    as_json: AsJson = False,
    stack: Stack = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Send one message, or a file of them.

    The exit status is 0 if all were accepted; with --wait, if all were delivered.
    """
    if timeout is not None and not wait:
        raise typer.BadParameter("--timeout bounds the waiting: give --wait beside it")
    fields: dict[str, object] = {
        "messageId": message_id,
        "senderId": sender,
        "correlationId": correlation_id,
        "contentType": content_type,
        "deliverAt": deliver_at,
        "endpointId": endpoint,
        "policy": None if policy is None else policy_object(policy),
        "headers": header_map(header or [], none=False),
    }
    lines = _lines(file, target, payload, fields)
    api = ApiClient(find_target(stack, region, profile))
    console = render.console(sys.stderr if as_json else sys.stdout)
    report = send.Report()
    try:
        with live.counter(console) as count:
            teller = _teller(count, numbered=file is not None, accepted=not as_json)
            send.hand_over(api, lines, teller, report)
        if wait and report.accepted:
            send.watch(api, report, console, timeout)
    except KeyboardInterrupt:
        _show_report(report, as_json=as_json)
        _complain(_say_interrupted(report, is_file=file is not None))
        raise  # exit status 130
    if report.unended:
        _complain(_say_unended(report.unended, timeout, stack))
    _show_report(report, as_json=as_json)
    raise typer.Exit(0 if report.succeeded else 1)


app.add_typer(reading)
app.add_typer(acting)
app.add_typer(operating)
app.add_typer(undispatched.app, name="undispatched")
app.add_typer(senders.app, name="senders")
app.add_typer(endpoints.app, name="endpoints")
app.command("cost")(cost)
app.command("console")(console_page)
app.command("watch")(watch)
app.command("what-if")(what_if)


@app.command("receiver")
def receiver_command(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes a free one.")
    ] = server.DEFAULT_PORT,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
) -> None:
    """Run an endpoint that does as the URL says, until Ctrl-C.

    /script/503,503,200 answers 503, again 503, then 200; each message counts for itself. Further
    steps: drop, drip, delay=SECONDS, retry-after=VALUE, as in /script/429;retry-after=3,200. Any
    other path answers 200.
    """
    try:
        server.serve(host=host, port=port, on_ready=_say_ready, on_arrival=_say_arrival)
    except OSError as error:
        raise CommandError(f"cannot listen on {host}:{port}: {error.strerror}") from error


@app.command("demo")
def demo_command(port: Port = None) -> None:
    """Send a message of every scenario, show what becomes of it, and check that it is right.

    The exit status is 1 if any ended otherwise than it should.
    """
    local_cloud.up(port, say=_say)
    seen = runner.run(local_target(local_cloud.STATE_DIR / local_cloud.RECORD), render.console())
    wrong = [complaint for one in seen for complaint in complaints(one)]
    for complaint in wrong:
        _complain(f"not as it should be: {complaint}")
    raise typer.Exit(1 if wrong else 0)


def _lines(
    file: Iterable[bytes] | None,
    target: str | None,
    payload: str | None,
    fields: dict[str, object],
) -> Iterable[Line]:
    """Read the messages from the file, or make one of the options."""
    if file:
        if target or payload or any(value is not None for value in fields.values()):
            raise typer.BadParameter("--file brings the whole message: no other option beside it")
        return messages.read_lines(file)
    if (target is None) == (fields["endpointId"] is None) or payload is None:
        raise typer.BadParameter("give --target or --endpoint, and --payload; or --file")
    try:
        return [messages.Line(1, messages.compose(target, payload, fields))]
    except InvalidMessageError as error:
        raise typer.BadParameter("; ".join(map(_by_option, error.errors))) from error
    except ValueError as error:
        raise typer.BadParameter(f"--payload is not JSON: {error}") from error


def _by_option(error: FieldError) -> str:
    """Say what is wrong with an option, in what the API says of the field that it becomes."""
    field, dot, part = error.field.partition(".")
    kebab = re.sub("[A-Z]", lambda dead_letter: f"-{dead_letter[0].lower()}", field)
    return f"--{_OPTIONS.get(field, kebab)}{dot}{part} {error.message}"


def _teller(
    count: Callable[[], None], *, numbered: bool, accepted: bool
) -> Callable[[Handed], None]:
    """Make what hears of each line: counts it, and complains where it was refused.

    Of a file it tells each line by its number, those that were `accepted` too where so asked.
    """

    def tell(handed: Handed) -> None:
        count()
        where = f"line {handed.line.number}: " if numbered else ""
        for problem in handed.problems:
            _complain(f"{where}refused: {problem}" if numbered else problem)
        if handed.message and numbered and accepted:
            before = " before" if handed.duplicate else ""
            _say(f"{where}accepted{before}: {handed.message.message_id}")

    return tell


def _show_report(report: Report, *, as_json: bool) -> None:
    if as_json:
        print_json(report.to_document())
    else:
        _say(report.summary)


def _say_interrupted(report: Report, *, is_file: bool) -> str:
    """Say what an interruption leaves undone."""
    unsent = f"; what follows line {report.last_line} was not sent" if is_file else ""
    unsent = "" if report.deliveries is not None else unsent
    return f"homing: interrupted{unsent}; Homing goes on with what was accepted"


def _say_unended(unended: tuple[MessageRef, ...], timeout: float | None, stack: str | None) -> str:
    """Say that the time-out ended the waiting, and what to run next."""
    first = unended[0]
    sender = "" if first.sender_id == DEFAULT_SENDER_ID else f" --sender {first.sender_id}"
    where = f" --stack {stack}" if stack else ""
    how_many = "1 message has" if len(unended) == 1 else f"{len(unended)} messages have"
    each = "" if len(unended) == 1 else ", and so on for the others"
    return (
        f"homing: waited for {timeout:g} s, and {how_many} not ended; Homing goes on. See "
        f"`homing status {first.message_id}{sender}{where}`{each}"
    )


def _say_ready(url: str) -> None:
    _say(f"listening on {url}; Ctrl-C ends it")


def _say_arrival(arrival: Arrival) -> None:
    what = arrival.step or f"400 ({arrival.complaint})"
    at = f"{arrival.received_at:%H:%M:%S}.{arrival.received_at.microsecond // 1000:03d}"
    _say(f"{at} {arrival.message_id or '-'} {arrival.method} {arrival.path} -> {what}")


def _say(text: str) -> None:
    say(text)


def _complain(text: str) -> None:
    say(text, err=True)
