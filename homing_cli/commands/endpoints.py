"""The commands `homing endpoints ...`: the endpoint operations of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from homing.api.endpoint_request import MAX_ATTEMPTS_AT_ONCE
from homing.credentials.secret_rotation import DEFAULT_GRACE
from homing.endpoints.endpoint import Ordering, Signing
from homing.endpoints.rate import HIGHEST_RATE, LOWEST_RATE
from homing.http_fields import DEFAULT_CONTENT_TYPE, is_json
from homing.json_text import JsonText
from homing_cli.client.api import ApiClient
from homing_cli.commands.command_line import Commands, pass_on
from homing_cli.commands.endpoint_options import (
    endpoint_id_of,
    event_types,
    filter_text,
    header_lines,
    header_map,
    payload_text,
    policy_object,
)
from homing_cli.commands.options import (
    AsJson,
    GraceHours,
    Sender,
    Where,
    print_json,
)
from homing_cli.errors import NotFoundError
from homing_cli.terminal import render

if TYPE_CHECKING:
    from collections.abc import Iterator

app = Commands(
    callback=pass_on,
    no_args_is_help=True,
    help="Manage endpoints: URLs that a sender delivers to repeatedly.",
)

Id = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="The endpointId.", show_default=False, callback=endpoint_id_of
    ),
]


# The API leaves out limits that are not set; the command shows 0.
_LIMITS = ("attemptsAtOnce", "ratePerSecond")


@app.command("list")
def list_command(
    where: Where,
    sender: Sender = None,
    as_json: AsJson = False,
) -> None:
    """List a sender's endpoints."""
    found = list(_all(ApiClient(where.target()), sender))
    if as_json:
        print_json(found)
        return
    limits = ("at once", "per second")
    health = ("enabled", "failing since", "why disabled")
    table = render.table("endpoint", "URL", "event types", *limits, *health)
    for each in found:
        reason = each.get("disabledReason", "")
        enabled = "yes" if each["enabled"] else "no"
        table.add_row(
            each["endpointId"],
            each["url"],
            ", ".join(each.get("eventTypes", ())) + (" (filtered)" if "filter" in each else ""),
            str(each.get("attemptsAtOnce") or "no limit"),
            str(each.get("ratePerSecond") or "no limit"),
            enabled,
            each.get("failingSince", ""),
            reason,
        )
    render.console().print(table)


@app.command("show")
def show_command(
    endpoint_id: Id,
    where: Where,
    sender: Sender = None,
) -> None:
    """Show an endpoint as JSON, without its secrets. A limit of 0 means no limit."""
    api = ApiClient(where.target())
    found = dict.fromkeys(_LIMITS, 0) | api.endpoints("GET", _path(endpoint_id), None, sender)
    print_json(found)
    for name in _LIMITS:
        if not found[name]:
            typer.echo(f"{name} 0: no limit", err=True)


@app.command("set")
def set_command(
    endpoint_id: Id,
    where: Where,
    url: Annotated[
        str | None, typer.Option(help="The URL to deliver to; required for a new endpoint.")
    ] = None,
    description: Annotated[
        str | None, typer.Option(help="A description of the endpoint, for people.")
    ] = None,
    attempts_at_once: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=MAX_ATTEMPTS_AT_ONCE,
            help=(
                f"The maximum number of concurrent attempts, 1 to {MAX_ATTEMPTS_AT_ONCE}; 0 for no "
                "limit."
            ),
        ),
    ] = None,
    rate_per_second: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=HIGHEST_RATE,
            help=f"The most attempts a second, {LOWEST_RATE:g} to {HIGHEST_RATE:g}; 0: no limit.",
        ),
    ] = None,
    event_type: Annotated[
        list[str] | None,
        typer.Option(
            help="An event type to subscribe to, e.g. order.paid, order.* or *. Repeat for "
            "more. Replaces all event types."
        ),
    ] = None,
    no_event_types: Annotated[
        bool, typer.Option("--no-event-types", help="Remove all event types.")
    ] = False,
    pattern: Annotated[
        str | None,
        typer.Option(
            "--filter",
            help="The event pattern that events must match, as a JSON object; {} removes it.",
        ),
    ] = None,
    policy: Annotated[
        str | None, typer.Option(help="The retry policy, as a JSON object; {} removes it.")
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(help="A header, as 'Name: value'. Repeat for more. Replaces all headers."),
    ] = None,
    headers_file: Annotated[
        typer.FileBinaryRead | None,
        typer.Option(
            help=(
                "A file of headers like those of --header, one per line; - reads standard input. "
                "A file keeps credentials out of the shell history and the process list."
            ),
            show_default=False,
        ),
    ] = None,
    no_headers: Annotated[bool, typer.Option("--no-headers", help="Remove all headers.")] = False,
    ordering: Annotated[
        Ordering | None,
        typer.Option(
            help=(
                "What happens to the next message with the same orderingKey when one fails for "
                "good: skip sends it, block makes it wait."
            )
        ),
    ] = None,
    signing: Annotated[
        Signing | None, typer.Option(help="The signature scheme of the next secret: v1 or v1a.")
    ] = None,
    enabled: Annotated[
        bool | None,
        typer.Option("--enable/--disable", help="Whether messages are sent to the endpoint."),
    ] = None,
    sender: Sender = None,
) -> None:
    """Create an endpoint, or change some of its settings. A new endpoint's secret is shown once."""
    given: dict[str, Any] = {
        "url": url,
        "description": description,
        "eventTypes": event_types(event_type or [], none=no_event_types),
        "filter": None if pattern is None else JsonText(filter_text(pattern)),
        "policy": None if policy is None else policy_object(policy),
        "headers": header_map([*(header or ()), *header_lines(headers_file)], none=no_headers),
        "attemptsAtOnce": attempts_at_once,
        "ratePerSecond": rate_per_second,
        "ordering": ordering,
        "signing": signing,
        "enabled": enabled,
    }
    body = {name: value for name, value in given.items() if value is not None}
    api = ApiClient(where.target())
    method = "PATCH" if _exists(api, endpoint_id, sender) else "PUT"
    print_json(api.endpoints(method, _path(endpoint_id), body, sender))
    if method == "PATCH" and enabled is not None:
        done = "enabled" if enabled else "disabled"
        typer.echo(f"{done}; this takes effect within a minute", err=True)


@app.command("delete")
def delete_command(
    endpoint_id: Id,
    where: Where,
    sender: Sender = None,
) -> None:
    """Delete an endpoint and its secrets. Messages on their way to it are dead-lettered."""
    api = ApiClient(where.target())
    api.endpoints("DELETE", _path(endpoint_id), None, sender)
    typer.echo(f"deleted {endpoint_id}")


@app.command("rotate-secret")
def rotate_command(
    endpoint_id: Id,
    where: Where,
    grace: GraceHours = DEFAULT_GRACE,
    sender: Sender = None,
) -> None:
    """Replace the signing secret of an endpoint. The new secret is shown once."""
    body = {"graceSeconds": round(grace.total_seconds())}
    api = ApiClient(where.target())
    print_json(api.endpoints("POST", f"{_path(endpoint_id)}/rotate-secret", body, sender))


@app.command("test")
def trial_command(
    endpoint_id: Id,
    where: Where,
    sender: Sender = None,
) -> None:
    """Send a test message to an endpoint. `homing status ID` shows the message's status."""
    api = ApiClient(where.target())
    print_json(api.endpoints("POST", f"{_path(endpoint_id)}/test", None, sender))


@app.command("match")
def match_command(
    where: Where,
    event_type: Annotated[str, typer.Option(help="The type of the event, e.g. order.paid.")],
    payload: Annotated[
        str, typer.Option(help="The payload: JSON, or any text with --content-type.")
    ] = "{}",
    content_type: Annotated[
        str, typer.Option(help="The Content-Type of the payload.")
    ] = DEFAULT_CONTENT_TYPE,
    sender: Sender = None,
    as_json: AsJson = False,
) -> None:
    """Show which endpoints would get an event, and why others would not. Nothing is sent."""
    body = {
        "eventType": event_type,
        "contentType": content_type,
        "payload": payload_text(payload) if is_json(content_type) else payload,
    }
    found = ApiClient(where.target()).endpoints("POST", "/match", body, sender)
    if as_json:
        print_json(found)
        return
    table = render.table("endpoint", "gets it", "why not")
    for each in found["endpoints"]:
        reasons = [f"{why['field']} {why['message']}" for why in each["mismatches"]]
        gets_it = "no" if reasons else "yes" if each["enabled"] else "yes, but it is disabled"
        table.add_row(each["endpointId"], gets_it, "\n".join(reasons))
    render.console().print(table)


def _all(api: ApiClient, sender: str | None) -> Iterator[dict[str, Any]]:
    query: dict[str, str] = {}
    while True:
        page = api.endpoints("GET", "", None, sender, **query)
        yield from page["endpoints"]
        if "after" not in page:
            return
        query = {"after": page["after"]}


def _exists(api: ApiClient, endpoint_id: str, sender: str | None) -> bool:
    try:
        api.endpoints("GET", _path(endpoint_id), None, sender)
    except NotFoundError:
        return False
    return True


def _path(endpoint_id: str) -> str:
    return f"/{quote(endpoint_id, safe='')}"
