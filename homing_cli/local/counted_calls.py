"""Records, within the emulator's process, the AWS calls that it serves, for `tools.counting`.

Every call, whether Lambda functions or Step Functions make it, passes through one of the emulator's
functions that are wrapped below, and is therefore counted once. The calls are appended to a file of
JSON lines:

    {"service", "action", "on", "units"}

For DynamoDB, `units` are the units that AWS would bill for the call (the size of the item before
and after in whole KB, the index included); for the event bus, the number of entries; for an
invocation from a stream, the number of records; otherwise 1. Receive requests that return no
message are left out. Each record of a table's stream adds a line when it is written ("streams",
"write"). Each batch of records adds two lines: how many records were read ("read"), and how many of
them passed the filter of the event source mapping ("pass").
"""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

# The emulator has no types.
from ministack.services import (  # type: ignore[import-untyped]
    apigateway,
    dynamodb,
    eventbridge,
    lambda_svc,
    sqs,
    stepfunctions,
)

from homing.operational_events.event import SOURCE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[..., None]

_DYNAMODB = ("_put_item", "_get_item", "_update_item", "_delete_item", "_query")
_SEND = "arn:aws:states:::sqs:sendMessage"
_STREAM = "/stream/"
_OK = 200


def install(file: Path) -> None:
    """Append one line to `file` for every call from now on."""
    # The file stays open until the process ends.
    lines = file.open("a", buffering=1, encoding="utf-8")

    def write(service: str, action: str, on: str, units: float = 1) -> None:
        call = {"service": service, "action": action, "on": on, "units": units}
        lines.write(json.dumps(call) + "\n")

    _count_tables(write)
    _count_streams(write)
    _count_events(write)
    _count_queues(write)
    _count_functions(write)
    _count_executions(write)


def _after(module: Any, name: str, tell: Callable[..., None]) -> None:
    """Wrap a function of the emulator: after each call, pass the result and arguments to `tell`."""
    original = getattr(module, name)

    @functools.wraps(original)
    def told(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        tell(result, *args)
        return result

    setattr(module, name, told)


def _count_tables(write: Write) -> None:
    for name in _DYNAMODB:
        setattr(dynamodb, name, _with_capacity(getattr(dynamodb, name), name[1:], write))
    _after(dynamodb, "_batch_get_item", _count_each)


def _count_each(_: Any, data: dict[str, Any]) -> None:
    """Count each key of a batch as a separate read, as DynamoDB bills it."""
    for table, wanted in data["RequestItems"].items():
        for key in wanted["Keys"]:
            read = {"TableName": table, "Key": key, "ConsistentRead": wanted["ConsistentRead"]}
            dynamodb._get_item(read)  # noqa: SLF001 -- there is no public way into the emulator


def _with_capacity(original: Callable[..., Any], action: str, write: Write) -> Callable[..., Any]:
    """Return a wrapper of `original` that requests the consumed capacity and records it.

    The emulator computes the capacity from the items.
    """

    def asked(data: dict[str, Any]) -> Any:
        status, headers, body = original({**data, "ReturnConsumedCapacity": "TOTAL"})
        # The response to a failed condition has no consumed capacity.
        consumed = json.loads(body).get("ConsumedCapacity", {})
        write("dynamodb", action, data["TableName"], consumed.get("CapacityUnits", 1))
        return status, headers, body

    return asked


def _count_streams(write: Write) -> None:
    in_stream = dynamodb.stream_end_position

    def written(_: None, table: str, *__: Any, **___: Any) -> None:
        end = in_stream(table)
        # False if the write changed no item, or the table has no stream.
        if end > seen.get(table, 0):
            write("streams", "write", table)
        seen[table] = end

    def passed(result: list[Any], records: list[Any], mapping: dict[str, Any]) -> None:
        if _STREAM in mapping["EventSourceArn"]:
            table = mapping["EventSourceArn"].split("/")[1]
            write("streams", "pass", table, len(result))
            write("streams", "read", table, len(records))

    seen: dict[str, int] = {}
    _after(dynamodb, "_emit_stream_event", written)
    _after(lambda_svc, "_apply_filter_criteria", passed)


def _count_events(write: Write) -> None:
    def put(_: Any, data: dict[str, Any], *__: Any) -> None:
        own = [each for each in data["Entries"] if each["Source"] == SOURCE]  # without those of AWS
        if own:
            write("events", "PutEvents", "", len(own))

    _after(eventbridge, "_put_events", put)


def _count_queues(write: Write) -> None:
    served = sqs._dispatch  # noqa: SLF001 -- there is no public way into the emulator

    async def dispatch(action: str, data: dict[str, Any], url: str) -> Any:
        write("sqs", action, url)
        return await served(action, data, url)

    def received(messages: list[Any], url: str, *_: Any) -> None:
        if messages:
            write("sqs", "ReceiveMessage", url)

    sqs._dispatch = dispatch  # noqa: SLF001 -- as above
    integrations = stepfunctions._SERVICE_DISPATCH  # noqa: SLF001 -- as above
    send = integrations[_SEND]

    def integrated(resource: str, data: dict[str, Any]) -> Any:
        write("sqs", "SendMessage", data["QueueUrl"])
        return send(resource, data)

    integrations[_SEND] = integrated
    _after(sqs, "_receive_messages_for_esm", received)
    _after(
        sqs, "_delete_messages_for_esm", lambda _, url, __: write("sqs", "DeleteMessageBatch", url)
    )


def _count_functions(write: Write) -> None:
    proxy = apigateway._invoke_lambda_proxy  # noqa: SLF001 -- as above

    async def request(*args: Any, **kwargs: Any) -> Any:
        write("api", "request", "")
        return await proxy(*args, **kwargs)

    def invoked(_: Any, __: Any, config: dict[str, Any], event: Any, *___: Any) -> None:
        records = event.get("Records", []) if isinstance(event, dict) else []
        from_stream = [each for each in records if _STREAM in each.get("eventSourceARN", "")]
        write("lambda", "Invoke", config["Handler"], len(from_stream) or 1)

    at_url = lambda_svc.handle_function_url_request

    async def url_request(*args: Any, **kwargs: Any) -> Any:
        write("url", "request", "")
        return await at_url(*args, **kwargs)

    apigateway._invoke_lambda_proxy = request  # noqa: SLF001 -- as above
    lambda_svc.handle_function_url_request = url_request
    _after(lambda_svc, "_execute_function_dispatch", invoked)


def _count_executions(write: Write) -> None:
    def started(result: tuple[int, Any, Any], data: dict[str, Any]) -> None:
        if result[0] == _OK:
            write("states", "start", _kind(data["stateMachineArn"]))

    def event(_: None, execution: dict[str, Any], kind: str, *__: Any) -> None:
        if kind.endswith("StateEntered") or kind in ("ExecutionSucceeded", "ExecutionFailed"):
            write("states", kind, _kind(execution["stateMachineArn"]))

    _after(stepfunctions, "_start_execution", started)
    _after(stepfunctions, "_start_sync_execution", started)
    _after(stepfunctions, "_add_event", event)


def _kind(machine: str) -> str:
    kind: str = stepfunctions._state_machines[machine]["type"]  # noqa: SLF001 -- as above
    return kind
