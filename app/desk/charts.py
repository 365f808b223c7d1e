"""Charts as inline SVG: stacked bars and sparklines, zero-based, with a table behind them for who cannot see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log10
from typing import Final

HEIGHT = 220
WIDTHS: Final[Mapping[str, tuple[int, int]]] = {"wide": (960, 8), "phone": (336, 4)}
"""A chart is drawn for each: its width, which is about that of the page, and how many labels have room below it."""
LEFT, RIGHT, TOP, BOTTOM = 44, 4, 8, 24


@dataclass(frozen=True, slots=True)
class Bar:
    """A piece of a bar: where it stands, the class that colours it, and what it says when pointed at."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Stacked bars over time, drawn by `chart.html`: pieces, lines of the grid with their numbers, labels below."""

    bars: tuple[Bar, ...]
    grid: tuple[tuple[float, int], ...]
    labels: tuple[tuple[float, str], ...]
    rows: tuple[tuple[str, tuple[int, ...]], ...]
    kinds: tuple[str, ...]
    width: int
    height: int = HEIGHT
    left: int = LEFT
    bottom: int = HEIGHT - BOTTOM


def stacked(places: Sequence[str], series: Mapping[str, Sequence[int]]) -> dict[str, Chart]:
    """Bars at `places`, whose pieces are the series in order, the first one lowest; for each of WIDTHS.

    Series of nothing are left out.
    """
    kept = {kind: values for kind, values in series.items() if any(values)}
    return {name: _drawn(places, kept, width, most) for name, (width, most) in WIDTHS.items()}


def _drawn(places: Sequence[str], kept: Mapping[str, Sequence[int]], width: int, most_labels: int) -> Chart:
    top = round_up(max((sum(values) for values in zip(*kept.values(), strict=True)), default=0))
    scale = (HEIGHT - TOP - BOTTOM) / top
    slot = (width - LEFT - RIGHT) / max(len(places), 1)
    bars = []
    for number, place in enumerate(places):
        x, y = round(LEFT + number * slot + slot * 0.1, 2), float(HEIGHT - BOTTOM)
        for kind, values in kept.items():
            if height := values[number] * scale:
                y -= height
                title = f"{place}: {values[number]:,} {kind}"
                bars.append(Bar(x, round(y, 2), round(slot * 0.8, 2), round(height, 2), kind, title))
    every = ceil(len(places) / most_labels) or 1
    labels = (
        (round(LEFT + (number + 0.5) * slot, 2), place) for number, place in enumerate(places) if number % every == 0
    )
    grid = (
        (round(HEIGHT - BOTTOM - part * top / 4 * scale, 2), part * top // 4)
        for part in range(5)
        if part * top % 4 == 0
    )
    rows = ((place, tuple(values[number] for values in kept.values())) for number, place in enumerate(places))
    return Chart(tuple(bars), tuple(grid), tuple(labels), tuple(rows), tuple(kept), width)


def sparkline(values: Sequence[int], width: int = 120, height: int = 24) -> str:
    """The points of a small line, from nothing to its highest, for an SVG of that size."""
    highest, step = max([*values, 1]), width / max(len(values) - 1, 1)
    return " ".join(
        f"{number * step:.1f},{height - 1 - value / highest * (height - 2):.1f}" for number, value in enumerate(values)
    )


def round_up(number: int) -> int:
    """The next number of a scale that is easy to read, at least 4: 1, 2, 3, 4, 6 or 8 times a power of ten."""
    if number <= 4:
        return 4
    power: int = 10 ** int(log10(number))
    return next(size * power for size in (1, 2, 3, 4, 6, 8, 10) if size * power >= number)
