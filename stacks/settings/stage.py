"""Settings that distinguish the stacks of one account and region."""

from __future__ import annotations

from .group import SettingsGroup, setting

DEFAULT_STAGE = "default"


class StageSettings(SettingsGroup):
    """The setting `stage`, from which the name of the stack is derived."""

    stage: str = setting(
        DEFAULT_STAGE,
        "lower-case letters, digits and dashes, at most 20, a letter first",
        "distinguishes several deployments in one account: the stack is `Homing-<stage>`",
        pattern=r"^[a-z][a-z0-9-]{0,19}$",
    )

    @property
    def stack_id(self) -> str:
        """The stack's name: `Homing`, or `Homing-<stage>`."""
        return "Homing" if self.stage == DEFAULT_STAGE else f"Homing-{self.stage}"
