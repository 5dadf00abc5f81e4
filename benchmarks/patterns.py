"""Measure how long it takes to match one event of 1 KB against the filters of 1,000 endpoints.

Each filter uses one operator, and all operators are used in turn. All filters together should take
at most 20 ms. The figures are processor time, so other load on the machine does not count.

    python benchmarks/patterns.py
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.sizes import sized
from homing.routing.operators import read_json
from homing.routing.pattern import compile_pattern

if TYPE_CHECKING:
    from collections.abc import Callable

TARGET_MILLISECONDS = 20
PATTERNS, ROUNDS = sized((1000, 15), (100, 1))

ITEMS = [
    {"sku": f"sku-{number}", "count": number, "price": 9.5 + number, "tags": ["new", "small"]}
    for number in range(11)
]
EVENT = json.dumps(
    {
        "eventType": "order.paid",
        "senderId": "shop",
        "timestamp": "2025-12-28T12:00:00.000Z",
        "payload": {
            "id": "order-1841",
            "total": 250.50,
            "currency": "EUR",
            "note": None,
            "customer": {"country": "DE", "ip": "10.1.2.3", "vip": True, "mail": "a@example.com"},
            "items": ITEMS,
        },
    }
)


def payload_rules(number: int) -> list[dict[str, Any]]:
    """Return rules for the payload, one for each operator; most contain the number."""
    return [
        {"total": [{"numeric": [">", number, "<=", number + 1000]}]},
        {"currency": ["EUR", f"X{number}"], "customer": {"country": [{"prefix": "D"}]}},
        {"items": {"sku": [f"sku-{number}"], "count": [{"numeric": ["<", 5]}]}},
        {"customer": {"ip": [{"cidr": f"10.{number % 256}.0.0/16"}]}},
        {"customer": {"mail": [{"wildcard": f"*@*{number}*.com"}]}},
        {"$or": [{"total": [number]}, {"customer": {"vip": [True]}}], "id": [{"prefix": "order-"}]},
        {"refund": [{"exists": False}], "note": [None]},
        {"currency": [{"anything-but": ["USD", f"X{number}"]}]},
        {"customer": {"country": [{"equals-ignore-case": "de"}], "vip": [True]}},
        {"items": {"tags": [{"suffix": "ll"}], "price": [{"numeric": [">", 19]}]}},
    ]


def pattern(number: int) -> str:
    """Return the filter with this number, which has one of the rules of `payload_rules`."""
    rules = payload_rules(number)
    return json.dumps({"eventType": [{"prefix": "order."}], "payload": rules[number % len(rules)]})


def milliseconds(function: Callable[[], object]) -> float:
    """Return the processor time of one call in milliseconds: the median of several rounds."""
    times = []
    for _ in range(ROUNDS):
        start = time.thread_time()
        function()
        times.append(time.thread_time() - start)
    return median(times) * 1000


def main() -> int:
    """Print the figures and return 1 if they miss the target."""
    texts = [pattern(number) for number in range(PATTERNS)]
    compiled = [compile_pattern(text) for text in texts]
    event = read_json(EVENT)
    matching = sum(each.matches(event) for each in compiled)
    rows = {
        f"compile {PATTERNS} patterns": milliseconds(lambda: [compile_pattern(t) for t in texts]),
        f"parse the event, {len(EVENT)} bytes": milliseconds(lambda: read_json(EVENT)),
        f"match all, {matching} of them successfully": milliseconds(
            lambda: [each.matches(event) for each in compiled]
        ),
    }
    for label, taken in rows.items():
        print(f"{label:44} {taken:8.2f} ms")
    return int(list(rows.values())[-1] > TARGET_MILLISECONDS)


if __name__ == "__main__":
    sys.exit(main())
