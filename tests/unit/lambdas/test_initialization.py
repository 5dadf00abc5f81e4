"""Functions create what all invocations need while Lambda initializes them, and nowhere else."""

from __future__ import annotations

import ast
import gc
import json
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from threading import Event

import pytest
from botocore.exceptions import EndpointConnectionError

from homing import settings
from homing.retry.policy import Policy
from homing.targets.address_guard import AddressGuard
from lambdas import initialization
from lambdas.initialization import VARIABLE, connect, initialize, pause_collection

PROJECT = Path(__file__).resolve().parents[3]
HANDLERS = [
    path
    for path in sorted((PROJECT / "lambdas").glob("*.py"))
    if "\ndef handler(" in path.read_text(encoding="utf-8")
]


def kept(path: Path) -> dict[str, str]:
    """Return the cached functions in a handler's module, with their source."""
    text = path.read_text(encoding="utf-8")
    return {
        each.name: ast.unparse(each)
        for each in ast.parse(text).body
        if isinstance(each, ast.FunctionDef)
        and not each.args.args
        and "cache" in map(ast.unparse, each.decorator_list)
    }


def initialized(path: Path) -> set[str]:
    """Return the names that a handler passes to `initialize`."""
    calls = [each for each in ast.walk(ast.parse(path.read_text())) if isinstance(each, ast.Call)]
    return {
        ast.unparse(name)
        for call in calls
        if ast.unparse(call.func) == "initialize"
        for name in call.args
    }


@pytest.mark.parametrize("path", HANDLERS, ids=lambda path: path.stem)
def test_what_a_handler_keeps_is_made_by_initialize_or_by_what_that_makes(path: Path) -> None:
    makers, made = kept(path), initialized(path)
    by_others = {name for name in makers if any(f"{name}()" in makers.get(one, "") for one in made)}
    assert set(makers) <= made | by_others


@pytest.mark.parametrize("path", HANDLERS, ids=lambda path: path.stem)
def test_every_handler_resumes_garbage_collection_at_the_end_of_its_module(path: Path) -> None:
    last = [ast.unparse(each) for each in ast.parse(path.read_text()).body[-2:]]
    assert any(each.startswith("initialize(") for each in last)


@pytest.mark.parametrize("kind", [None, "on-demand", "provisioned-concurrency"])
def test_garbage_is_not_collected_while_lambda_initializes_a_function(
    monkeypatch: pytest.MonkeyPatch, kind: str | None
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if kind is not None:
        monkeypatch.setenv(VARIABLE, kind)
    pause_collection()
    try:
        assert gc.isenabled() == (kind is None)
        initialize(lambda: None)
        assert gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()


@pytest.mark.parametrize(("kind", "made"), [(None, []), ("on-demand", [1, 2])])
def test_an_import_elsewhere_makes_nothing(
    monkeypatch: pytest.MonkeyPatch, kind: str | None, made: list[int]
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if kind is not None:
        monkeypatch.setenv(VARIABLE, kind)
    found: list[int] = []
    initialize(lambda: found.append(1), lambda: found.append(2))
    assert found == made


@pytest.mark.parametrize("kind", [None, "snap-start", "provisioned-concurrency"])
def test_connections_are_opened_for_an_invocation_that_follows_at_once_and_no_other(
    monkeypatch: pytest.MonkeyPatch, kind: str | None
) -> None:
    found: list[int] = []
    monkeypatch.delenv(VARIABLE, raising=False)
    if kind is not None:
        monkeypatch.setenv(VARIABLE, kind)
    connect(lambda: found.append(1))
    assert found == []
    monkeypatch.setenv(VARIABLE, "on-demand")
    connect(lambda: found.append(1))
    assert found == [1]


def test_a_service_that_fails_or_hangs_does_not_keep_a_function_from_its_invocation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, "on-demand")
    monkeypatch.setattr(initialization, "_LONGEST_SECONDS", 0.05)
    hangs, found = Event(), []

    def fail() -> None:
        raise EndpointConnectionError(endpoint_url="https://dynamodb.example")

    connect(fail, hangs.wait, lambda: found.append(1))
    assert found == [1]
    hangs.set()


EMPTY = """
import importlib, json, sys
empty = {}
for name, kept in json.loads(sys.argv[1]).items():
    module = importlib.import_module(f"lambdas.{name}")
    empty[name] = [each for each in kept if not getattr(module, each).cache_info().currsize]
print(json.dumps(empty))
"""


@pytest.mark.slow
@pytest.mark.parametrize("is_lambda", [True, False])
def test_each_handler_is_ready_after_its_import_in_lambda_alone(is_lambda: bool) -> None:
    classes = [
        one
        for one in vars(settings).values()
        if isinstance(one, type) and issubclass(one, settings.Settings)
    ]
    names = {field.name.upper() for one in classes for field in fields(one)}
    values = dict.fromkeys(names, "1") | {
        "DEFAULT_POLICY": json.dumps(Policy().to_document()),
        "ADDRESS_GUARD": json.dumps(AddressGuard().to_document()),
        "SENDERS": "{}",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",  # where nobody listens
        "PYTHONPATH": str(PROJECT),
        "POWERTOOLS_SERVICE_NAME": "homing",
        "POWERTOOLS_METRICS_NAMESPACE": "Homing",
        **({VARIABLE: "on-demand"} if is_lambda else {}),
    }
    handlers = {path.stem: list(kept(path)) for path in HANDLERS}
    done = subprocess.run(  # noqa: S603 -- a program of ours
        [sys.executable, "-c", EMPTY, json.dumps(handlers)],
        env={"PATH": os.environ["PATH"], **values},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    empty = json.loads(done.stdout.splitlines()[-1])
    assert empty == ({name: [] for name in handlers} if is_lambda else handlers)
