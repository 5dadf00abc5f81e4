"""`python -m simulation`: search for a simulated history in which Homing breaks a promise."""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from secrets import randbelow
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress

from simulation.checks.invariants import INVARIANTS, violations
from simulation.deployed.functions import simulated_edges
from simulation.deployment import Deployment
from simulation.history import run_history
from simulation.search.drawing import draw_case, draw_ordered_case
from simulation.search.exhaustive import scenarios, scenarios_of_one
from simulation.search.planted import PLANTED_BUGS
from simulation.search.report import caught, story, totals
from simulation.search.search import (
    Finding,
    Tally,
    hunt,
    search_interventions,
    search_pairs,
    search_seeds,
    search_single_faults,
    smallest,
)
from simulation.search.shrink import Trial

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulation.search.drawing import Case

_CHUNK = 500
_SHOWN = 3  # how many of the histories with a broken promise are printed step by step
# The range from which `--fresh` draws its first seed. Tests and docs name only lower seeds.
_FRESH = 10**6, 10**9


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulation", description=__doc__)
    parser.add_argument("--histories", type=int, default=100_000, help="number of random histories")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument(
        "--fresh",
        type=int,
        default=0,
        metavar="HISTORIES",
        help="also run this many histories, from a random first seed, which is printed",
    )
    parser.add_argument(
        "--ordered",
        type=int,
        default=0,
        metavar="HISTORIES",
        help="also run this many histories whose messages have ordering keys; with --replay, any "
        "number above 0 gives the messages of the replayed history ordering keys",
    )
    parser.add_argument("--workers", type=int, default=2, help="number of processes")
    parser.add_argument("--replay", type=int, metavar="SEED", help="print one history and stop")
    parser.add_argument(
        "--whole", action="store_true", help="with --replay: do not shrink the history"
    )
    parser.add_argument("--no-single-faults", action="store_true", help="skip the exhaustive part")
    parser.add_argument(
        "--pairs", action="store_true", help="also run every pair of faults, which takes long"
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0 if no promise was broken and every planted bug was caught."""
    options = _parse(sys.argv[1:] if arguments is None else arguments)
    console = Console()
    if options.replay is not None:
        draw = draw_ordered_case if options.ordered else draw_case
        return _replay(draw(options.replay), console, whole=options.whole)
    started = time.monotonic()
    tally = _search(options, console)
    console.print(totals(tally, len(INVARIANTS), time.monotonic() - started))
    for finding in tally.findings:
        console.print(f"broken in seed {finding.seed}: {'; '.join(finding.broken)}", markup=False)
    with simulated_edges(Deployment()) as edges:
        for finding in tally.findings[:_SHOWN]:
            console.rule("broken")
            console.print("\n".join(story(smallest(finding, edges), edges)), markup=False)
        bugs = {bug.name: hunt(bug, edges) for bug in PLANTED_BUGS}
    console.print(caught(bugs))
    return 1 if tally.findings or None in bugs.values() else 0


def _search(options: argparse.Namespace, console: Console) -> Tally:
    """Distribute the search over processes, show its progress, and return the totals."""
    tally = Tally()
    chunks = list(_chunks(options.seed, options.histories))
    if options.fresh:
        first = _FRESH[0] + randbelow(_FRESH[1] - _FRESH[0])
        again = f"--no-single-faults --seed {first} --histories {options.fresh}"
        console.print(f"fresh seeds from {first}; to run them again: {again}", soft_wrap=True)
        chunks += _chunks(first, options.fresh)
    with (
        ProcessPoolExecutor(options.workers) as pool,
        Progress(console=console, transient=True) as progress,
    ):
        work: list[Future[Tally]] = []
        if not options.no_single_faults:
            numbers = range(len(list(scenarios())))
            work += [pool.submit(search_single_faults, number) for number in numbers]
            numbers = range(len(list(scenarios_of_one())))
            work += [pool.submit(search_interventions, number) for number in numbers]
        if options.pairs:
            work += [pool.submit(search_pairs, n) for n in range(len(list(scenarios_of_one())))]
        work += [pool.submit(search_seeds, *chunk) for chunk in chunks]
        ordered = _chunks(options.seed, options.ordered)
        work += [pool.submit(search_seeds, *chunk, draw_ordered_case) for chunk in ordered]
        task = progress.add_task("histories", total=len(work))
        for done in as_completed(work):
            tally.add(done.result())
            progress.update(task, advance=1, description=f"{tally.counts['histories']:,} histories")
    return tally


def _chunks(first: int, count: int) -> Iterator[tuple[int, int]]:
    """Split `count` seeds, starting at `first`, into ranges. Yield the start and end of each.

    The end of a range is not part of it.
    """
    for start in range(first, first + count, _CHUNK):
        yield start, min(start + _CHUNK, first + count)


def _replay(case: Case, console: Console, *, whole: bool) -> int:
    seed, plan = case.seed, case.plan()
    with simulated_edges(Deployment()) as edges:
        history = run_history(case.scenario, plan, seed, edges)
        broken = tuple(map(str, violations(history)))
        finding = Finding(seed, Trial(case.scenario, plan.met), broken)
        if broken and not whole:
            finding = smallest(finding, edges)
        console.print("\n".join(story(finding, edges)), markup=False, soft_wrap=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
