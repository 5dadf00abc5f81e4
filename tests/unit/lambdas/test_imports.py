"""Each handler imports the packages that its common path uses, and no other.

Imports are part of every cold start (docs/benchmarks.md).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]

PACKAGES = {
    "boto3": "boto3",
    "botocore.session": "botocore",  # Powertools imports parts of botocore, but no client
    "aws_lambda_powertools": "Powertools",
    "aws_lambda_powertools.utilities.data_classes": "its data classes",
    "aws_lambda_powertools.event_handler": "its router",
    "aws_xray_sdk": "the X-Ray SDK",
    "pydantic": "pydantic",
    "cryptography": "cryptography",
    "asyncio": "asyncio",
}
LOG, AWS = {"Powertools"}, {"boto3", "botocore"}
ROUTER = {"its router", "its data classes", "asyncio"}  # the router imports the others

IMPORTED = {
    "accept": LOG | AWS | ROUTER | {"pydantic"},
    "authorize": LOG | AWS,
    "classify": LOG,
    "compute_backoff": LOG,
    "deliver": set(),  # it imports botocore only where it makes clients
    "dispatch": LOG | AWS,
    "endpoints": LOG | AWS | ROUTER | {"pydantic"},
    "get_message": LOG | AWS | ROUTER | {"pydantic"},
    "ingest": LOG | AWS | {"its data classes", "asyncio", "pydantic"},  # Powertools' batches
    "operational_events": LOG | AWS,
    "record_retry": LOG | AWS,
    "redrive": LOG | AWS | ROUTER | {"pydantic"},
    "release": LOG | AWS,
    "smoke_receiver": set(),
    "watchdog": LOG | AWS,
}

HANDLERS = [
    path.stem
    for path in sorted((PROJECT / "lambdas").glob("*.py"))
    if "\ndef handler(" in path.read_text(encoding="utf-8")
]
PROGRAM = "import sys, lambdas.{}; print(*sys.modules, sep=chr(10))"


def imported(handler: str) -> set[str]:
    """Return which of these packages a new process has loaded after importing a handler."""
    done = subprocess.run(  # noqa: S603 -- a program of ours
        [sys.executable, "-c", PROGRAM.format(handler)],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(PROJECT),
            "POWERTOOLS_SERVICE_NAME": "homing",
            "POWERTOOLS_METRICS_NAMESPACE": "Homing",
        },
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    modules = set(done.stdout.split())
    return {package for module, package in PACKAGES.items() if module in modules}


def test_the_table_has_every_handler() -> None:
    assert sorted(IMPORTED) == HANDLERS


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_handler_imports_what_its_common_path_uses(handler: str) -> None:
    assert imported(handler) == IMPORTED[handler]
