"""A layer with `homing.client`, for functions that send messages.

It does not contain botocore, which Lambda's runtime provides.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from aws_cdk import aws_lambda as lambda_

from .bundle import SOURCES

if TYPE_CHECKING:
    from constructs import Construct

# The versions of Python that both Lambda and Homing support.
_RUNTIMES = [
    lambda_.Runtime.PYTHON_3_11,
    lambda_.Runtime.PYTHON_3_12,
    lambda_.Runtime.PYTHON_3_13,
    lambda_.Runtime.PYTHON_3_14,
]


def client_layer(scope: Construct, construct_id: str) -> lambda_.LayerVersion:
    """Return the layer; it is pure Python, so it runs on both architectures."""
    with TemporaryDirectory() as folder:
        # Packages of a layer must be in a folder `python`. The CDK copies the folder immediately.
        shutil.copytree(
            SOURCES / "homing",
            Path(folder, "python", "homing"),
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        return lambda_.LayerVersion(
            scope,
            construct_id,
            code=lambda_.Code.from_asset(folder),
            compatible_runtimes=_RUNTIMES,
            description="homing.client",
        )
