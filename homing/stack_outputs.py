"""Selects the outputs of one Homing construct from those of a stack.

The outputs of a construct begin with its id, such as `WebhooksApiUrl` for the construct `Webhooks`.
In Homing's own stack, the id is `Default`, which the CDK leaves out: the output is `ApiUrl`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from homing.errors import HomingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Every stack with Homing has both outputs.
_API, _KEY_API = "ApiUrl", "SenderApiUrl"
_HIDDEN = "Default"


class NotInStackError(HomingError):
    """Raised when a stack has no Homing construct, none with the given path, or several."""


def homing_outputs(outputs: Mapping[str, str], construct: str | None = None) -> dict[str, str]:
    """Return the outputs of one Homing construct, by their names without the construct's prefix.

    Args:
        outputs: all outputs of the stack.
        construct: the path of the construct in the stack, such as `Webhooks` or
            `Partners/Webhooks`; None if the stack has only one such construct.

    Raises:
        NotInStackError: when there is no such construct, or several and `construct` is None; the
            message lists them.
    """
    ends = sorted(name.removesuffix(_KEY_API) for name in outputs if name.endswith(_KEY_API))
    prefixes = [each for each in ends if f"{each}{_API}" in outputs]
    if not prefixes:
        raise NotInStackError(f"has no Homing: it has no outputs {_API} and {_KEY_API}")
    if construct is None and len(prefixes) > 1:
        raise NotInStackError(f"has several Homings: choose one of {_listed(prefixes)}")
    prefix = prefixes[0] if construct is None else _prefix(construct)
    if prefix not in prefixes:
        raise NotInStackError(f"has no Homing {construct}: choose one of {_listed(prefixes)}")
    names = (name for name in outputs if name.startswith(prefix))
    return {name.removeprefix(prefix): outputs[name] for name in names}


def _prefix(construct: str) -> str:
    ids = [each for each in construct.split("/") if each != _HIDDEN]
    return re.sub(r"[^A-Za-z0-9]", "", "".join(ids))


def _listed(prefixes: Iterable[str]) -> str:
    return ", ".join(prefix or _HIDDEN for prefix in prefixes)
