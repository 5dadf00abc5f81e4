"""`homing smoke` on the local cloud: when all works, and with one part after another broken."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from homing_cli.smoke.probes import SENDER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Homing

    from homing_cli.client.target import Target


def function(cloud: Target, module: str) -> dict[str, Any]:
    """Return the configuration of the function whose handler is in a module."""
    (found,) = (
        each
        for each in cloud.client("lambda").list_functions()["Functions"]
        if each["Handler"] == f"lambdas.{module}.handler"
    )
    configuration: dict[str, Any] = found
    return configuration


@contextmanager
def changed(cloud: Target, module: str, **changes: Any) -> Iterator[None]:
    """Change the configuration of a function until the context exits."""
    found = function(cloud, module)
    client, name = cloud.client("lambda"), found["FunctionName"]
    client.update_function_configuration(FunctionName=name, **changes)
    try:
        yield
    finally:
        before = {key: found[key] for key in changes}
        client.update_function_configuration(FunctionName=name, **before)


@contextmanager
def dispatch_off(cloud: Target) -> Iterator[None]:
    client = cloud.client("lambda")
    name = function(cloud, "dispatch")["FunctionName"]
    mappings = client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    for mapping in mappings:
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        yield
    finally:
        for mapping in mappings:
            client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


@contextmanager
def receiver_without_code(cloud: Target) -> Iterator[None]:
    with changed(cloud, "smoke_receiver", Handler="lambdas.nowhere.handler"):
        yield


@contextmanager
def target_refused(cloud: Target) -> Iterator[None]:
    variables = function(cloud, "deliver")["Environment"]["Variables"]
    guard = json.loads(variables["ADDRESS_GUARD"]) | {"refusedNetworks": ["127.0.0.0/8"]}
    refusing = {"Variables": variables | {"ADDRESS_GUARD": json.dumps(guard)}}
    with changed(cloud, "deliver", Environment=refusing):
        yield


def endpoints(homing: Homing) -> list[Any]:
    listed = homing("endpoints", "list", "--sender", SENDER, "--json")
    found: list[Any] = json.loads(listed.stdout)
    return found


def test_a_whole_stack_works_and_nothing_is_left_behind(homing: Homing) -> None:
    before = endpoints(homing)
    done = homing("smoke", "--json")
    found = json.loads(done.stdout)
    by_name = {one["check"]: one for one in found["findings"]}
    assert (done.exit_code, found["works"]) == (0, True), found
    assert found["conclusion"].startswith("Everything works")
    assert by_name["signature"]["says"] == "the receiver has verified it"
    assert by_name["attempt"]["says"] == "the receiver answered HTTP 204 after one attempt"
    assert endpoints(homing) == before


@pytest.mark.parametrize(
    ("broken", "conclusion"),
    [
        (receiver_without_code, "It does not work. receiver: "),
        (target_refused, "It does not work. attempt: one attempt of msg_"),
        (dispatch_off, "It does not work. dispatch: no attempt was made within 3 s: the trigger"),
    ],
)
def test_it_names_the_part_that_is_broken(
    cloud: Target, homing: Homing, broken: Callable[[Target], Any], conclusion: str
) -> None:
    waits = ("--timeout", "3") if broken is dispatch_off else ()
    with broken(cloud):
        done = homing("smoke", *waits)
    assert done.exit_code == 1
    assert done.stderr.startswith(conclusion), done.output
