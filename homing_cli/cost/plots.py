"""Plots as PNG files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from homing_cli.cost.workload import VIA

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from homing_cli.cost.model import Model
    from homing_cli.cost.workload import Workload

_BLUE, _ORANGE, _GREY = "#1f5fa8", "#c4560c", "#5a5a5a"
_RATES = tuple(step / 400 for step in range(41))  # 0 to 10%
# The project's targets for the express path, as (failure rate, dollars per million messages); see
# docs/cost.md.
_TARGETS = ((0.01, 7.0), (0.05, 15.0))
_DPI = 150


def cost_by_failure_rate(model: Model, workload: Workload, file: Path) -> None:
    """Plot dollars per million messages by failure rate, with and without the express path."""
    figure = _figure(8, 4.5)
    axes = figure.subplots()
    for express_path, colour, above in (("on", _BLUE, 18), ("off", _ORANGE, 9)):
        workload = replace(workload, express_path=express_path)
        dollars = [model.per_million(replace(workload, failure_rate=rate)) for rate in _RATES]
        axes.plot([rate * 100 for rate in _RATES], dollars, color=colour, linewidth=2)
        label = f"express path {express_path}: ${dollars[0]:,.2f} at 0%, ${dollars[-1]:,.2f} at 10%"
        middle = len(_RATES) // 2
        _label(axes, label, (_RATES[middle] * 100, dollars[middle]), (-200, above), colour)
    for rate, target in _TARGETS:
        axes.plot([rate * 100], [target], marker="v", color=_GREY, linestyle="none")
        _label(axes, f"target ${target:.0f}", (rate * 100, target), (-9, -16), _GREY)
    _dollar_axis(axes)
    axes.set_xlabel("attempts that fail, %")
    title = (
        f"{workload.payload_bytes} bytes, {VIA[workload.via]}, {workload.latency_ms} ms "
        f"endpoints, at most {workload.max_attempts} attempts; without logs, egress, free tier"
    )
    axes.set_title(title, fontsize=9, color=_GREY)
    figure.savefig(file, dpi=_DPI)


def arrivals(series: Mapping[str, Sequence[float]], title: str, file: Path) -> None:
    """Plot the load of retries over time: one panel for each series, all with the same scale.

    Args:
        series: for each series, by its name, the percentage of deliveries retried in each second.
        title: the title of the plot.
        file: the PNG file to write.
    """
    figure = _figure(8, 1.25 * len(series) + 0.9)
    panels = figure.subplots(len(series), 1, sharex=True, sharey=True, squeeze=False)
    for axes, (name, values) in zip(panels[:, 0], series.items(), strict=True):
        axes.bar(range(len(values)), values, width=1.0, color=_BLUE)
        axes.set_ylabel("%", fontsize=8)
        axes.set_ylim(0, 105)
        axes.set_title(f"{name}: peak {max(values):.1f}% in one second", fontsize=9, loc="left")
        _plain(axes)
    panels[-1, 0].set_xlabel("seconds after the failure")
    figure.suptitle(title, fontsize=10, color=_GREY)
    figure.savefig(file, dpi=_DPI)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure  # noqa: PLC0415  # takes half a second

    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def _label(
    axes: Axes, text: str, at: tuple[float, float], offset: tuple[float, float], colour: str
) -> None:
    axes.annotate(
        text, at, xytext=offset, textcoords="offset points", color=colour, parse_math=False
    )


def _dollar_axis(axes: Axes) -> None:
    """Make the axis logarithmic, since the prices of the two paths differ more than tenfold."""
    axes.set_yscale("log")
    axes.set_ylim(bottom=4, top=400)
    axes.set_yticks([5, 10, 20, 50, 100, 200], ["$5", "$10", "$20", "$50", "$100", "$200"])
    axes.set_ylabel("per million messages")
    _plain(axes)


def _plain(axes: Axes) -> None:
    axes.grid(visible=True, axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
