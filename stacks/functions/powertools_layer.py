"""Compiles the Powertools layer. `make powertools-layer` downloads it and runs this module."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from .bundle import SOURCES, compile_sources
from .lambda_python import VERSION, find_python

if TYPE_CHECKING:
    from pathlib import Path

BUILT = SOURCES / "build" / "powertools-layer"


def is_built(folder: Path = BUILT) -> bool:
    """Return whether the layer exists and is compiled."""
    return any((folder / "python" / "aws_lambda_powertools" / "__pycache__").glob("*.pyc"))


def main(folder: Path = BUILT) -> int:
    """Compile the layer; return the exit status, 1 if there is no Python of Lambda's version."""
    python = find_python()
    if python is None:
        print(f"needs Python {VERSION}: .venv/bin/uv python install {VERSION}", file=sys.stderr)  # noqa: T201
        return 1
    compile_sources(folder, python, "/opt")
    return 0


if __name__ == "__main__":
    sys.exit(main())
