"""What `deliver` reckons a call with is what its clients may take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from homing.endpoints import endpoint_watch, registry_client
from homing.sending.time_left import CALL_SECONDS, request_seconds

if TYPE_CHECKING:
    from botocore.config import Config


@pytest.mark.parametrize("module", [endpoint_watch, registry_client])
def test_a_call_takes_no_longer_than_is_reckoned_with(module: Any) -> None:
    """In its standard mode botocore pauses up to 1 s, 2 s, 4 s, … before each further try."""
    config: Config = module._CONFIG
    settings = vars(config)
    assert settings["retries"]["mode"] == "standard"
    tries = settings["retries"]["total_max_attempts"]
    pauses = sum(2**number for number in range(tries - 1))
    each = settings["connect_timeout"] + settings["read_timeout"]
    assert tries * each + pauses <= CALL_SECONDS


@pytest.mark.parametrize(("left", "seconds"), [(30, 28), (3, 1), (2.94, None), (0, None)])
def test_a_request_leaves_the_time_that_an_answer_takes(left: float, seconds: float | None) -> None:
    assert request_seconds(left) == seconds
