"""Arranges the code of a function as on Lambda: code asset, layer, and the boto3 of the runtime.

The packages are downloaded once from PyPI, in the versions of this environment, to `.cache/lambda`.
boto3 has bytecode, as in Lambda's runtime. The layer has none: Powertools' build removes it
(aws-powertools/powertools-lambda-python, layer_v3/docker/Dockerfile).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from stacks.functions.bundle import make_bundle
from stacks.functions.lambda_python import VERSION, find_python

PROJECT = Path(__file__).resolve().parents[1]
CACHE = PROJECT / ".cache" / "lambda"

RUNTIME = (
    "boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3",
)  # fmt: skip
LAYER = (
    "annotated-types", "aws-lambda-powertools", "pydantic", "pydantic-core", "typing-extensions",
    "typing-inspection",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layout:
    """A way to run a handler as on Lambda.

    Args:
        command: the command line of a Python without installed packages.
        code: the folders with the handler, its layer and boto3, in the order of the search path.
    """

    command: tuple[str, ...]
    code: tuple[Path, ...]


def as_here(folder: Path) -> Layout:
    """Return a layout with this environment's Python and packages, which needs no download.

    Args:
        folder: an empty folder, for the code asset.
    """
    return Layout((sys.executable,), (make_bundle(folder, None),))


def as_on_lambda(folder: Path, *, is_layer_built: bool = False) -> Layout:
    """Return a layout as on Lambda; missing packages are downloaded.

    Args:
        folder: an empty folder, for the bundle.
        is_layer_built: whether the layer has bytecode, as with `powertoolsLayer=built`.

    Raises:
        SystemExit: when this machine has no Python of Lambda's version.
    """
    python = find_python()
    if python is None:
        raise SystemExit(f"needs Python {VERSION}: .venv/bin/uv python install {VERSION}")
    layer, runtime = CACHE / ("built-layer" if is_layer_built else "layer"), CACHE / "runtime"
    for place, names, is_compiled in ((layer, LAYER, is_layer_built), (runtime, RUNTIME, True)):
        extra = ("--compile-bytecode",) if is_compiled else ()
        wanted = sorted(f"{name}=={version(name)}" for name in names)
        _install(place, python, wanted, extra)
    # Without the packages of this Python, and without writing bytecode beside the sources.
    return Layout((str(python), "-S", "-B"), (make_bundle(folder, python), layer, runtime))


def _install(folder: Path, python: Path, wanted: list[str], extra: tuple[str, ...]) -> None:
    mark = folder / "installed.txt"
    if mark.is_file() and mark.read_text(encoding="utf-8").split() == wanted:
        return
    shutil.rmtree(folder, ignore_errors=True)
    uv = Path(sys.executable).with_name("uv")
    options = ["--quiet", "--no-deps", "--python", str(python), "--target", str(folder)]
    subprocess.run([str(uv), "pip", "install", *options, *extra, *wanted], check=True)
    mark.write_text("\n".join(wanted), encoding="utf-8")
