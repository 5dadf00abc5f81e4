"""What tests of the client share: a scripted API, and a clock that no test waits for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from faulty_server import Script, serving

from homing.client import Homing, Retrying

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "hmg_0123456789abcdef_secret"
NOON = datetime(2025, 12, 28, 12, tzinfo=UTC)


@dataclass
class Time:
    """A clock that advances only when the code sleeps."""

    passed: float = 0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.passed += seconds

    def retrying(
        self, *, draw: float = 1, timeout: float = 5, give_up_after: float = 60
    ) -> Retrying:
        return Retrying(
            timeout=timeout,
            give_up_after=give_up_after,
            clock=lambda: self.passed,
            now=lambda: NOON + timedelta(seconds=self.passed),
            sleep=self.sleep,
            draw=lambda: draw,
        )


@dataclass
class Played:
    """The scripted API, and its URL."""

    url: str
    script: Script
    time: Time

    def homing(self, **retrying: float) -> Homing:
        return Homing(self.url, api_key=KEY, retrying=self.time.retrying(**retrying))


@pytest.fixture
def played() -> Iterator[Played]:
    script = Script()
    with serving(script) as url:
        yield Played(url, script, Time())
