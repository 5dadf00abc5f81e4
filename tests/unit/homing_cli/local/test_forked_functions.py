"""Functions that are forked behave like those in a new Python process."""

from __future__ import annotations

import importlib
import io
import os
import tempfile
import time
import uuid
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Environment = Callable[..., Any]

pytestmark = [
    pytest.mark.slow,  # it loads boto3
    # The emulator does not close the streams of an environment; the garbage collector does.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The emulator's module; it loads slowly, so not when tests are collected."""
    runtime = importlib.import_module("ministack.core.lambda_runtime")
    forked = importlib.import_module("homing_cli.local.forked_functions")
    if not forked.supported():
        pytest.skip("there are no pidfds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("emulator")))
        for name in ("Worker", "subprocess", "zipfile"):
            patch.setattr(runtime, name, getattr(runtime, name))
        forked.install()
        yield runtime
        runtime.reset()


@pytest.fixture
def environment(runtime: Any) -> Environment:
    """Make an execution environment of a function."""

    def make(code: bytes, name: str | None = None, **variables: str) -> Any:
        name = name or uuid.uuid4().hex
        config = {
            "FunctionName": name,
            "FunctionArn": f"arn:aws:lambda:us-east-1:000000000000:function:{name}",
            "Handler": "lambdas.answer.handler",
            "Runtime": "python3.13",
            "Timeout": 5,
            "Environment": {"Variables": variables},
        }
        return runtime.acquire_worker(name, config, code)[0]

    return make


def packed(**files: str) -> bytes:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{name.replace('__', '/')}.py", text)
        archive.writestr("lambdas/__init__.py", "")
    return package.getvalue()


def test_a_function_has_its_event_its_environment_and_its_log(environment: Environment) -> None:
    code = packed(
        lambdas__answer="""
import os, sys
def handler(event, context):
    print("said")
    return [event, os.environ["GIVEN"], context.function_name, os.getcwd() in sys.path]
"""
    )
    invoked = environment(code, "answers", GIVEN="this").invoke({"a": 1}, "r-1")
    assert invoked["result"] == [{"a": 1}, "this", "answers", True]
    assert invoked["log"] == "said"


def test_each_invocation_has_its_own_log_to_its_last_character(environment: Environment) -> None:
    code = packed(
        lambdas__answer="""
import sys
def handler(event, _):
    sys.stderr.write(event)
"""
    )
    logging = environment(code)
    logs = ["first\nunfinished", "", "x" * 200_000, "last\n"]
    assert [logging.invoke(each, "r")["log"] for each in logs] == [each.strip() for each in logs]


def test_environments_of_a_function_share_the_import_and_nothing_that_comes_after(
    environment: Environment,
) -> None:
    code = packed(
        lambdas__answer="""
import os, random
imported, calls = os.getpid(), []
def handler(event, context):
    calls.append(event)
    return imported, os.getpid(), calls, random.random()
"""
    )
    first, second = environment(code, "shares"), environment(code, "shares")
    (imported, one, _, chance), (as_well, other, calls, another) = (
        each.invoke({}, "r")["result"] for each in (first, second)
    )
    assert imported == as_well
    assert len({imported, one, other, os.getpid()}) == 4
    assert calls == [{}]
    assert chance != another


def test_what_a_function_raises_is_the_error_of_each_call(environment: Environment) -> None:
    source = "def handler(event, context):\n    raise ValueError('broken')"
    broken = environment(packed(lambdas__answer=source))
    assert [broken.invoke({}, "r")["error"] for _ in range(2)] == ["broken", "broken"]


def test_what_a_module_raises_when_it_is_imported_is_reported(environment: Environment) -> None:
    with pytest.raises(RuntimeError, match="broken"):
        environment(packed(lambdas__answer="raise ValueError('broken')")).invoke({}, "r")


def test_a_function_that_does_not_answer_in_time_is_ended(environment: Environment) -> None:
    sleeping = environment(
        packed(lambdas__answer="import time\ndef handler(event, _):\n    time.sleep(event)\n")
    )
    sleeping.config["Timeout"] = 1
    begun = time.monotonic()
    assert "timed out" in sleeping.invoke(60, "r")["error"]
    assert time.monotonic() - begun < 30
    assert sleeping.invoke(0, "r")["status"] == "ok"


def test_new_code_and_a_new_environment_are_what_the_next_start_has(
    environment: Environment,
) -> None:
    template = "import os\nsaid = os.environ['SAID']\ndef handler(*_):\n    return {!r}, said\n"
    for text, said in (("old", "a"), ("new", "a"), ("new", "b")):
        code = packed(lambdas__answer=template.format(text))
        started = environment(code, "changes", SAID=said)
        assert started.invoke({}, "r")["result"] == [text, said]


def test_a_library_in_the_code_is_taken_rather_than_the_one_of_this_environment(
    environment: Environment,
) -> None:
    code = packed(
        lambdas__answer="import pydantic\ndef handler(*_):\n    return pydantic.VERSION\n",
        pydantic="VERSION = 'its own'\n",
    )
    assert environment(code).invoke({}, "r")["result"] == "its own"


def test_a_function_of_somebody_elses_imports_its_module_in_each_environment(
    environment: Environment,
) -> None:
    code = packed(
        theirs="import os\nimported = os.getpid()\ndef handler(*_):\n    return imported\n"
    )
    pids = set()
    for _ in range(2):
        started = environment(code, "theirs")
        started.config["Handler"] = "theirs.handler"
        pids.add(started.invoke({}, "r")["result"])
    assert len(pids) == 2


def test_what_runs_ends_with_the_pool(runtime: Any, environment: Environment) -> None:
    started = environment(packed(lambdas__answer="def handler(*_):\n    return 1\n"))
    started.invoke({}, "r")
    process = started._proc
    assert process.poll() is None
    runtime.kill_workers([started])
    assert process.poll() == 0
