"""Measure the processor time of cold functions, and model how long a message waits for them.

The real handlers run in fresh processes of Lambda's Python version, with the bundle, the layer and
boto3 laid out as on Lambda. They call a local cloud through TLS, so that connections cost as much
as on AWS. Processor time is measured for the import, including the function's initialization, for
the first call and for a warm call. From these times, the model (`benchmarks/cold_model`) computes
the wait for each memory size.

Everything is measured twice: with the published layer of Powertools, which contains no bytecode,
and with the layer of `powertoolsLayer=built`, which contains it. The functions that run after a
failed attempt are measured as well, for the cost of their cold starts; no first message waits for
them.

    python benchmarks/cold_path.py [RUNS]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.cold_model import (
    CALLS,
    ENVIRONMENT_MS,
    TARGET_MS,
    Cost,
    started_ms,
    waits_ms,
)
from benchmarks.endpoints import behind_tls, certified, served
from benchmarks.failures import changed, delivered, failed, retried
from benchmarks.handlers import Handlers, attempt, deployed, post, queued
from benchmarks.lambda_layout import Layout, as_here, as_on_lambda
from benchmarks.sizes import IS_SMALLEST, argument
from homing_cli.client.api import ApiClient
from homing_cli.cost.assumptions import load_assumptions

if TYPE_CHECKING:
    from homing_cli.client.target import Target

RUNS = 7
WARM = 5
SIZES_MB = (128, 160, 192, 256, 384, 512, 768, 1024, 1769)
ENDPOINT = "bench"
PAYLOAD = "x" * 1024

Events = Callable[[], list[dict[str, Any]]]


def ways(handlers: Handlers, url: str) -> dict[str, tuple[str, Events]]:
    """Return the functions that handle a message to an endpoint, each with its events."""
    many = range(1 + WARM)
    to_endpoint = {"endpointId": ENDPOINT, "payload": PAYLOAD}
    ledger = handlers.environment("operational_events")["LEDGER_TABLE"]

    def deliveries() -> list[dict[str, Any]]:
        return [handlers.delivery(url, PAYLOAD, endpoint_id=ENDPOINT) for _ in many]

    return {
        "Accept": ("accept", lambda: [post(to_endpoint) for _ in many]),
        "Dispatch": ("dispatch", lambda: [queued([each]) for each in deliveries()]),
        "Deliver": ("deliver", lambda: [attempt(each) for each in deliveries()]),
        "Classify": ("classify", lambda: delivered(deliveries())),
        "ComputeBackoff": ("compute_backoff", lambda: failed(deliveries())),
        "RecordRetry": ("record_retry", lambda: list(retried(deliveries()))),
        "OperationalEvents": ("operational_events", lambda: list(changed(deliveries(), ledger))),
    }


def measure(handlers: Handlers, url: str, runs: int) -> dict[str, Cost]:
    """Return the lowest processor times of each function over several fresh processes."""
    found: dict[str, list[Cost]] = {}
    # The functions alternate, so that load on the machine slows all of them equally.
    for _ in range(runs):
        for name, (module, events) in ways(handlers, url).items():
            called = handlers.call(module, events())
            first, *later = called.calls
            found.setdefault(name, []).append(Cost(called.importing, first, median(later)))
    return {
        name: Cost(*(min(column) for column in zip(*costs, strict=True)))
        for name, costs in found.items()
    }


def report(costs: dict[str, Cost]) -> bool:
    """Print the tables; return whether the waits of a message add up to at most `TARGET_MS`."""
    memory = {name: one.memory_mb for name, one in load_assumptions().functions.items()}
    cold = {name: started_ms(name, cost, memory[name]) for name, cost in costs.items()}
    waits = waits_ms(costs, memory)
    total = sum(waits.values())
    print("processor time, ms")
    _row("", "init", "first", "warm", "MB", "cold", "waits")
    for name, cost in costs.items():
        waited = waits.get(name, "")
        _row(name, cost.init, cost.first, cost.warm, memory[name], cold[name], waited)
    _row("a message", "", "", "", "", sum(cold[name] for name in CALLS), total)
    print(f"wanted at most {TARGET_MS} ms")
    print(f"\nms of a cold start by memory size, {ENVIRONMENT_MS} of them Lambda's own")
    _row("MB", *SIZES_MB)
    for name in CALLS:
        _row(name, *(started_ms(name, costs[name], size) for size in SIZES_MB))
    return total <= TARGET_MS


def _row(name: str, *values: object) -> None:
    shown = (f"{each:.0f}" if isinstance(each, float) else str(each) for each in values)
    print(f"{name:<18}" + "".join(f"{each:>10}" for each in shown), flush=True)


def layouts(folder: Path) -> dict[str, Layout]:
    """Return the code layouts to measure, keyed by the heading under which each is printed."""
    if IS_SMALLEST:
        return {"as here": as_here(folder / "bundle")}
    return {
        "as deployed by default": as_on_lambda(folder / "bundle"),
        "powertoolsLayer=built": as_on_lambda(folder / "same", is_layer_built=True),
    }


def run(target: Target, runs: int) -> bool:
    """Measure, and print the tables; return whether default settings meet the target."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        context, authorities = certified(folder)
        port = int((target.endpoint or "").rpartition(":")[2])
        with behind_tls(port, context) as front, served() as plain:
            url = f"http://127.0.0.1:{plain}/"
            ApiClient(target).endpoints("PUT", f"/{ENDPOINT}", {"url": url})
            usual, met = Handlers.of(target, authorities), []
            for title, layout in layouts(folder).items():
                handlers = replace(usual, command=layout.command, code=layout.code, front=front)
                print(f"\n{title}: ", end="")
                met.append(report(measure(handlers, url, runs)))
            return met[0]


def main() -> int:
    """Print the tables."""
    with deployed(steady=True) as target:
        return 0 if run(target, 1 if IS_SMALLEST else argument(RUNS)) else 1


if __name__ == "__main__":
    sys.exit(main())
