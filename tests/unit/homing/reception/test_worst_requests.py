"""A request built to use memory uses much less than the function has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.worst_requests import LIMIT_MB, REQUESTS, measure

if TYPE_CHECKING:
    from pathlib import Path

# From the table in docs/benchmarks.md, the request that took the most memory before numbers were
# limited, and the one that takes the most since. The benchmark measures all of them.
WORST = (
    "headers with invalid names",
    "the same beside 4 MB of text that takes four bytes a character",
)


@pytest.mark.slow
def test_no_request_takes_half_of_the_memory_of_the_function(tmp_path: Path) -> None:
    for name, status, megabytes in measure(WORST, tmp_path):
        assert (name, status) == (name, REQUESTS[name][0])
        assert megabytes < LIMIT_MB, name
