"""The process of the local cloud: `python -m workbench.emulator_process MARK [--tied]`.

It is ministack under a command line with a mark of its state directory, so that a process id can
be checked before it is signalled. With `--tied` it ends when its standard input does: a test run
that is killed leaves no emulator behind. With HOMING_CALLS in the environment it writes down the
calls that it serves (`counted_calls`). With HOMING_STEADY it collects no garbage, which stops all
that it serves for 0.2 s each time.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from pathlib import Path

TIED = "--tied"
CALLS = "HOMING_CALLS"
STEADY = "HOMING_STEADY"


def _end_with_stdin() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


def run() -> None:
    """Become the emulator; its settings are in the environment (`workbench.emulator`)."""
    if TIED in sys.argv:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    del sys.argv[1:]  # ministack parses what is left
    # Imported late: it reads the environment at import. It has no types.
    from ministack.app import main  # type: ignore[import-untyped]  # noqa: PLC0415

    if CALLS in os.environ:
        from workbench.counted_calls import install  # noqa: PLC0415 -- as above

        install(Path(os.environ[CALLS]))
    if STEADY in os.environ:
        gc.disable()
    main()


if __name__ == "__main__":
    run()
