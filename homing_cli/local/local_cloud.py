"""The local cloud: an emulator of AWS on this machine, with the real stack deployed to it."""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic.alias_generators import to_camel

from homing_cli.errors import LocalCloudError
from homing_cli.local import deployment, emulator, private_files
from homing_cli.local.deployment import OWN_APP, App
from homing_cli.local.emulator import Emulator
from homing_cli.local.local_key import REGION

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

DEFAULT_PORT = 4566
STATE_DIR = deployment.STATE_DIR
RECORD = "local.json"


@dataclass(frozen=True, slots=True)
class LocalCloud:
    """A deployed local cloud, as recorded in `.homing/local.json`.

    Args:
        endpoint: the endpoint of all AWS services.
        region: its region.
        access_key_id: the id of the key that signs calls to it.
        secret_access_key: the secret of that key.
        api_url: the base URL of Homing's API for AWS credentials (IAM), without a trailing slash.
        sender_api_url: the base URL of its API for API keys, without a trailing slash.
        messages_url: the function URL that accepts messages; None if there is none.
        smoke_url: the receiver of `homing smoke`; None if there is none.
        outputs: the stack's outputs.
    """

    endpoint: str
    region: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    api_url: str
    sender_api_url: str
    messages_url: str | None
    smoke_url: str | None
    outputs: Mapping[str, str]

    def to_record(self) -> dict[str, object]:
        """Return the content of `.homing/local.json`, which other programs read."""
        record = asdict(self)
        return {to_camel(name): value for name, value in record.items()}


def up(
    port: int | None = None,
    state_dir: Path = STATE_DIR,
    say: Callable[[str], None] = lambda _: None,
    app: App = OWN_APP,
) -> LocalCloud:
    """Start the local cloud if it is not running, and deploy an app to it.

    A second call for the same directory waits for the first, then deploys to the cloud started by
    the first.

    Args:
        port: the port to listen on; None for 4566, or any free port if that is taken.
        state_dir: an absolute directory for its state.
        say: a function that is called with a few words about each step.
        app: what to deploy.

    Raises:
        LocalCloudError: when the port is taken or a step fails.
    """
    with _alone(state_dir, say):
        running = _find(state_dir, port) or _start(state_dir, port, say)
        say(f"deploying {app.command or 'the stack'} to {running.endpoint}")
        return _deploy(running, app)


def down(state_dir: Path = STATE_DIR, say: Callable[[str], None] = lambda _: None) -> bool:
    """Stop the local cloud; return whether it was running."""
    with _alone(state_dir, say):
        running = Emulator.find(state_dir)
        if running:
            running.stop()
        (state_dir / RECORD).unlink(missing_ok=True)
        return running is not None


def _alone(state_dir: Path, say: Callable[[str], None]) -> AbstractContextManager[None]:
    private_files.make_folder(state_dir)
    waiting = "waiting for another `homing up` or `homing down` to end"
    return private_files.locked(state_dir / "lock", lambda: say(waiting))


def _find(state_dir: Path, port: int | None) -> Emulator | None:
    running = Emulator.find(state_dir)
    if running and port not in (None, running.port):
        raise LocalCloudError(
            f"the local cloud already runs on port {running.port}: run `homing down` first"
        )
    if running and not running.answers():
        raise LocalCloudError(
            f"the local cloud at {running.endpoint} (process {running.pid}) does not answer:"
            " run `homing down`, then `homing up`"
        )
    return running


def _start(state_dir: Path, port: int | None, say: Callable[[str], None]) -> Emulator:
    (state_dir / RECORD).unlink(missing_ok=True)
    listening = _listen(port)
    say(f"starting the local cloud on {emulator.HOST}:{listening.getsockname()[1]}")
    return emulator.start(state_dir, listening)


def _listen(port: int | None) -> socket.socket:
    if port is None:
        with suppress(LocalCloudError):
            return emulator.listen(DEFAULT_PORT)
    return emulator.listen(port or 0)


@contextmanager
def throwaway(
    state_dir: Path,
    wait_scale: float = 1,
    app: App = OWN_APP,
    *,
    calls: Path | None = None,
    steady: bool = False,
) -> Iterator[LocalCloud]:
    """For tests, run a local cloud on a free port until the context exits.

    Args:
        state_dir: an absolute directory for its state.
        wait_scale: the factor for the waits of Step Functions.
        app: the app to deploy; its command may be a folder with a synthesized app.
        calls: the file to which the emulator appends the calls that it serves; None for no file.
        steady: whether idle functions are kept and garbage is not collected, for measurements.
    """
    running = emulator.start(
        state_dir,
        emulator.listen(),
        tied=True,
        wait_scale=wait_scale,
        calls=calls,
        steady=steady,
    )
    try:
        yield _deploy(running, app)
    finally:
        running.stop()


def _deploy(running: Emulator, app: App = OWN_APP) -> LocalCloud:
    outputs = deployment.deploy(running, app)
    messages_url, smoke_url = outputs.get("MessagesUrl"), outputs.get("SmokeUrl")
    cloud = LocalCloud(
        endpoint=running.endpoint,
        region=REGION,
        access_key_id=running.key.access_key_id,
        secret_access_key=running.key.secret_access_key,
        api_url=_api_url(running.endpoint, outputs["ApiUrl"]),
        sender_api_url=_api_url(running.endpoint, outputs["SenderApiUrl"]),
        messages_url=messages_url and _function_url(running.endpoint, messages_url),
        smoke_url=smoke_url and _api_url(running.endpoint, smoke_url),
        outputs=outputs,
    )
    record = json.dumps(cloud.to_record(), indent=2)
    private_files.write(running.state_dir / RECORD, f"{record}\n")
    return cloud


def _api_url(endpoint: str, url: str) -> str:
    """Return the URL of an API with the API's id in the path.

    Names under `localhost`, which the emulator uses, do not resolve everywhere.
    """
    return f"{endpoint}/_aws/execute-api/{_id_in(url)}/$default{urlsplit(url).path.rstrip('/')}"


def _function_url(endpoint: str, url: str) -> str:
    """Return the local URL of a function, given its function URL, whose host belongs to AWS."""
    return f"{endpoint}/_aws/lambda-url/{_id_in(url)}"


def _id_in(url: str) -> str:
    return (urlsplit(url).hostname or "").split(".")[0]
