"""The CDK construct `Homing`, and an application that deploys it as a separate stack.

In the wheel this package is `homing_cdk`.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .settings import HomingSettings

if TYPE_CHECKING:
    from .homing_construct import Homing

__all__ = ["Homing", "HomingSettings"]

# CDK's Python package runs `node` from PATH, unless JSII_NODE contains its path. When a module is
# run without `make`, PATH may lack the virtual environment's `node`, so its path is set here. If
# JSII_NODE is already set, it is not changed.
_NODE = Path(sys.prefix, "bin", "node")
if _NODE.is_file():
    os.environ.setdefault("JSII_NODE", str(_NODE))


def __getattr__(name: str) -> Any:
    """Import the construct on first use: the import starts Node, which the settings do not need."""
    if name != "Homing":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from .homing_construct import Homing  # noqa: PLC0415 -- as the docstring says
    except ModuleNotFoundError as error:
        if error.name not in {"aws_cdk", "constructs"}:
            raise
        raise ImportError(
            f"{__name__} needs {error.name}: run pip install 'homing[cdk]'"
        ) from error
    return Homing
