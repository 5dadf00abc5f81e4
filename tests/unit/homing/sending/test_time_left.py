"""How long the request of an attempt may take, given the time that its invocation has left."""

from __future__ import annotations

import pytest

from homing.sending.time_left import request_seconds


@pytest.mark.parametrize(("left", "seconds"), [(30, 28), (3, 1), (2.94, None), (0, None)])
def test_a_request_leaves_the_time_that_an_answer_takes(left: float, seconds: float | None) -> None:
    assert request_seconds(left) == seconds
