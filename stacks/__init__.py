"""The CDK application: one construct per capability."""

import os
import sys
from pathlib import Path

# CDK's Python runs on the `node` that it finds in PATH. Ours comes with the environment, and need
# not be in PATH where a module is run without `make`. Whoever has set JSII_NODE keeps it.
_NODE = Path(sys.prefix, "bin", "node")
if _NODE.is_file():
    os.environ.setdefault("JSII_NODE", str(_NODE))
