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

# CDK's Python package runs the `node` in PATH. That of the virtual environment may not be in PATH
# if a module is run without `make`. A JSII_NODE that is already set is kept.
_NODE = Path(sys.prefix, "bin", "node")
if _NODE.is_file():
    os.environ.setdefault("JSII_NODE", str(_NODE))


def __getattr__(name: str) -> Any:
    """Import the construct on first use, since that starts Node; the settings do not need Node."""
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
