"""The simulation's output: totals, planted bugs, and single simulated histories step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from simulation.history import run_history

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from simulation.deployed.edges import Edges
    from simulation.history import Programs
    from simulation.search.search import Finding, Tally


def totals(tally: Tally, invariants: int, seconds: float) -> Table:
    """Return the totals as a table."""
    counts = tally.counts
    each = counts["milliseconds"] / max(counts["histories"], 1)
    table = Table(show_header=False, box=None)
    table.add_column(justify="right")
    table.add_column()
    for number, what in (
        (counts["histories"], f"histories in {seconds:,.0f} s, {each:.1f} ms of processor each"),
        (counts["crash_points"], "crash points: every call with every fault, one at a time"),
        (counts["moments"], "moments at which operators acted: each action at every instant"),
        (counts["pairs"], "pairs of faults"),
        (counts["faults"], "faults in all"),
        (counts["events"], "events"),
        (counts["deliveries"], "deliveries accepted"),
        (counts["requests"], "requests sent"),
        (counts["doubles"], "of these, second requests for the same attempt"),
        (counts["left"], "attempts detached, whose queue message is redelivered later"),
        (counts["histories_with_gaps"], "histories with a gap in the ledger, reported"),
        (counts["acts"], "redrives, immediate retries and cancellations, at any moment"),
        (counts["taken_up"], "deliveries that the watchdog resumed"),
        (invariants, "invariants after each history"),
    ):
        table.add_row(f"{number:,}", what)
    style = "bold red" if tally.findings else "bold green"
    table.add_row(f"[{style}]{len(tally.findings)}[/]", f"[{style}]violations[/]")
    return table


def caught(bugs: Mapping[str, tuple[int, Finding] | None]) -> Table:
    """Return a table of planted bugs: whether each was caught, by what, and after how many runs."""
    table = Table("planted bug", "caught", "by", "after", box=None)
    for name, found in bugs.items():
        if found is None:
            table.add_row(name, "[bold red]no[/]", "", "")
            continue
        number, finding = found
        faults = ", ".join(f"{kind} at {label}" for label, kind in finding.trial.faults.items())
        by = finding.broken[0].partition(":")[0]
        table.add_row(name, "[green]yes[/]", f"{by}, {faults or 'no fault'}", f"{number:,}")
    return table


def story(finding: Finding, edges: Edges, programs: Programs | None = None) -> Iterator[str]:
    """Yield lines of text that describe a finding: its scenario, and what happened step by step."""
    trial = finding.trial
    scenario = trial.scenario
    yield f"seed {finding.seed}"
    deployment = scenario.deployment
    yield (
        f"express-path {'on' if deployment.express_path_is_on else 'off'}, "
        f"{'FIFO' if deployment.queue_is_fifo else 'standard'} queue, {scenario.workers} workers"
    )
    yield from map(str, scenario.submissions)
    used = {target for each in scenario.submissions for target in each.targets}
    for host in sorted(used):
        yield f"{host} answers {', '.join(str(each.status) for each in scenario.endpoints[host])}"
    yield from map(str, scenario.interventions)
    yield from map(str, scenario.outages)
    yield from (f"{name} is {skew} ms off" for name, skew in scenario.skews.items())
    history = run_history(scenario, trial.plan(), finding.seed, edges, programs, trace=True)
    for instant, label, what in history.trace:
        yield f"{(instant - scenario.start) / 1000:11.3f}  {label}  {what}"
    yield from finding.broken
