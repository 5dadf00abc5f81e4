"""The local cloud: an emulator of AWS on this machine, with the real stack deployed to it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic.alias_generators import to_camel

from workbench import deployment, emulator
from workbench.emulator import REGION, Emulator
from workbench.errors import LocalCloudError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

DEFAULT_PORT = 4566
STATE_DIR = deployment.PROJECT / ".homing"
RECORD = "local.json"


@dataclass(frozen=True, slots=True)
class LocalCloud:
    """A deployed local cloud, as `.homing/local.json` records it.

    Args:
        endpoint: of every AWS service.
        region: the one it pretends to be in.
        api_url: the base of Homing's API under IAM, without a trailing slash.
        sender_api_url: the same for senders with API keys.
        messages_url: the same of the function URL for messages.
        outputs: the stack's outputs.
    """

    endpoint: str
    region: str
    api_url: str
    sender_api_url: str
    messages_url: str
    outputs: Mapping[str, str]

    def to_record(self) -> dict[str, object]:
        """Give what `.homing/local.json` holds; other programs read it."""
        record = asdict(self)
        return {to_camel(name): value for name, value in record.items()}


def up(
    port: int | None = None,
    state_dir: Path = STATE_DIR,
    say: Callable[[str], None] = lambda _: None,
) -> LocalCloud:
    """Start the local cloud and deploy to it; to the running one if there is one.

    Args:
        port: the port to take; None for 4566, or any free one where that is taken.
        state_dir: an absolute directory for its state.
        say: told in a few words what is happening.

    Raises:
        LocalCloudError: when the port is taken or a step fails.
    """
    running = Emulator.find(state_dir)
    if running and port not in (None, running.port):
        raise LocalCloudError(
            f"the local cloud already runs on port {running.port}: run `homing down` first"
        )
    if running is None:
        (state_dir / RECORD).unlink(missing_ok=True)
        chosen = _choose_port(port)
        say(f"starting the local cloud on {emulator.HOST}:{chosen}")
        running = emulator.start(state_dir, chosen)
    say(f"deploying the stack to {running.endpoint}")
    return _deploy(running)


def down(state_dir: Path = STATE_DIR) -> bool:
    """Stop the local cloud; tells whether there was one."""
    running = Emulator.find(state_dir)
    if running:
        running.stop()
    (state_dir / RECORD).unlink(missing_ok=True)
    return running is not None


@contextmanager
def throwaway(
    state_dir: Path, wait_scale: float = 1, calls: Path | None = None, *, steady: bool = False
) -> Iterator[LocalCloud]:
    """Run a local cloud on a free port for as long as the context lasts, for tests.

    Args:
        state_dir: an absolute directory of its own.
        wait_scale: by what Step Functions waits are multiplied.
        calls: the file in which the calls that it serves are written down.
        steady: whether it is to be measured: no function is stopped, no garbage collected.
    """
    running = emulator.start(
        state_dir,
        emulator.free_port(),
        tied=True,
        wait_scale=wait_scale,
        calls=calls,
        steady=steady,
    )
    try:
        yield _deploy(running)
    finally:
        running.stop()


def _deploy(running: Emulator) -> LocalCloud:
    outputs = deployment.deploy(running.endpoint, running.state_dir)
    cloud = LocalCloud(
        endpoint=running.endpoint,
        region=REGION,
        api_url=_api_url(running.endpoint, outputs["ApiUrl"]),
        sender_api_url=_api_url(running.endpoint, outputs["SenderApiUrl"]),
        messages_url=_function_url(running.endpoint, outputs["MessagesUrl"]),
        outputs=outputs,
    )
    (running.state_dir / RECORD).write_text(json.dumps(cloud.to_record(), indent=2) + "\n")
    return cloud


def _api_url(endpoint: str, url: str) -> str:
    """Address an API by path, since names under `localhost` do not resolve everywhere."""
    return f"{endpoint}/_aws/execute-api/{_id_in(url)}/$default"


def _function_url(endpoint: str, url: str) -> str:
    """Address a function URL by path, since its name leads to AWS."""
    return f"{endpoint}/_aws/lambda-url/{_id_in(url)}"


def _id_in(url: str) -> str:
    return (urlsplit(url).hostname or "").split(".")[0]


def _choose_port(port: int | None) -> int:
    if port is None and not emulator.is_free(DEFAULT_PORT):
        return emulator.free_port()
    return port or DEFAULT_PORT
