"""The process of the local cloud: `python -m homing_cli.local.emulator_process MARK FD [--tied]`.

It serves ministack behind a guard (`emulator_guard`) on an inherited listening socket, file
descriptor FD. MARK identifies its state directory: before a process is killed by its id, the mark
shows whether it is this emulator. With `--tied` the emulator ends when its standard input ends, so
a killed test run leaves no emulator running. With HOMING_CALLS in the environment it records all
calls (`counted_calls`). With HOMING_STEADY garbage collection is off, since each collection pauses
the process for 0.2 s. Functions are forked (`forked_functions`) if the system allows it.
"""

from __future__ import annotations

import asyncio
import gc
import os
import re
import resource
import signal
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config

from homing_cli.local.emulator import CALLS, STEADY, TIED
from homing_cli.local.emulator_guard import Guard
from homing_cli.local.local_key import LocalKey

_KEEP_ALIVE_SECONDS = 75
_API_PATH = re.compile(r"/_aws/execute-api/([^/]+)/([^/]*)(.*)", re.DOTALL)


def _end_with_stdin() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


def run() -> None:
    """Run the emulator; its settings are environment variables (`homing_cli.local.emulator`)."""
    if TIED in sys.argv:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    # Imported late, since ministack reads the environment at import. It has no types.
    from ministack import app as emulator  # type: ignore[import-untyped]  # noqa: PLC0415

    from homing_cli.local import emulator_speed, forked_functions  # noqa: PLC0415 -- as above

    emulator_speed.install()
    if forked_functions.supported():
        forked_functions.install()
    if CALLS in os.environ:
        from homing_cli.local.counted_calls import install  # noqa: PLC0415 -- as above

        install(Path(os.environ[CALLS]))
    if STEADY in os.environ:
        gc.disable()
    _allow_many_files()
    guard: Any = Guard(  # hypercorn's types are stricter than ASGI's
        app=emulator.app,
        port=int(os.environ["GATEWAY_PORT"]),
        key=LocalKey(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]),
        secret_of=_secret_of,
        is_public=partial(_is_public, emulator),
    )
    config = Config.from_mapping(
        bind=[f"fd://{sys.argv[2]}"], keep_alive_timeout=_KEEP_ALIVE_SECONDS, loglevel="INFO"
    )
    asyncio.run(serve(guard, config))


def _allow_many_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _secret_of(access_key_id: str, token: str) -> str | None:
    """Return the secret of an access key: the cloud's own, a function's or an assumed role's.

    The emulator also accepts `test` and the account number as ids of the cloud's own key.
    """
    from ministack.core import (  # type: ignore[import-untyped]  # noqa: PLC0415 -- as in `run`
        iam_evaluator,
    )

    found = iam_evaluator.resolve_credential(access_key_id, session_token=token)
    secret: str | None = getattr(found, "secret_access_key", None)
    return secret


def _is_public(emulator: Any, method: str, path: str) -> bool:
    """Return whether a request is for a route of an HTTP API without IAM authorization.

    The emulator itself accepts any `Authorization` on such a route.
    """
    if (match := _API_PATH.fullmatch(path)) is None:
        return False
    api, first, rest = match.groups()
    stage, route = emulator._resolve_stage_and_path(api, first, rest or "/")  # noqa: SLF001
    kind = emulator._execute_api_authorization_type(api, stage, method, route)  # noqa: SLF001
    return bool(kind != "AWS_IAM")


if __name__ == "__main__":
    run()
