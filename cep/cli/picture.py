"""Picture: matches over time as an SVG file that needs nothing beside it, one panel a rule.

Each panel counts the matches of one rule by day (UTC) on a scale of its own, from 0 to its highest day; all share the
axis of time. Bars carry their day and count as a title, which browsers show under the pointer. Colours follow the
reader's light or dark setting.

Cost: O(matches) to count, O(rules * days) to draw.
Tested by: tests/cli/test_picture.py
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from math import floor, log10
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DAY_NS = 86_400_000_000_000
_PLOT_WIDTH, _PLOT = 520, 84
_MARGIN, _SCALE, _BETWEEN = 24, 56, 36  # left and right of all; room for an axis' numbers; between two columns
_HEAD, _TITLE, _MONTHS, _GAP, _FOOT = 84, 40, 22, 22, 40
_COLUMNS = 2
_STYLE = """
  svg { background: #ffffff; }
  text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #4a5261; }
  .sheet { fill: #ffffff; }
  .head { font-size: 22px; font-weight: 600; fill: #161b26; }
  .name { font-size: 14.5px; font-weight: 600; fill: #161b26; }
  .total { font-size: 14.5px; font-weight: 600; fill: #1f5fbf; }
  .small { font-size: 11.5px; fill: #6b7484; }
  .line { stroke: #e3e7ee; stroke-width: 1; }
  .axis { stroke: #98a1b0; stroke-width: 1; }
  .bar { fill: #2f74d0; }
  .bar:hover, .peak { fill: #d9622b; }
  .note { font-size: 11.5px; fill: #b84c1a; }
  .halo { font-size: 11.5px; fill: #ffffff; stroke: #ffffff; stroke-width: 3; stroke-linejoin: round; }
  @media (prefers-color-scheme: dark) {
    svg { background: #12161e; }
    text { fill: #b4bdcb; }
    .sheet { fill: #12161e; }
    .head, .name { fill: #eef2f8; }
    .total { fill: #7fb2ff; }
    .small { fill: #8d97a8; }
    .line { stroke: #262d3a; }
    .axis { stroke: #5b6577; }
    .bar { fill: #5b9bf0; }
    .bar:hover, .peak { fill: #ff9a5c; }
    .note { fill: #ffb184; }
    .halo { fill: #12161e; stroke: #12161e; }
  }
"""


@dataclass(frozen=True, slots=True)
class Panel:
    """One rule: its name, what it says, and how many matches it had on each day (days since 1970) that had any."""

    name: str
    description: str
    days: Mapping[int, int]

    @property
    def total(self) -> int:
        """Matches on all days."""
        return sum(self.days.values())


def days_of(times: Sequence[int]) -> dict[int, int]:
    """How many of ``times`` (nanoseconds since 1970) fall on each day, days counted from 1970."""
    out: dict[int, int] = {}
    for ts in times:
        day = ts // DAY_NS
        out[day] = out.get(day, 0) + 1
    return dict(sorted(out.items()))


def nice_ceiling(value: int) -> int:
    """The least of 1, 1.5, 2, 3, 4, 5, 6, 8, 10 times a power of ten that is whole and not below ``value``."""
    if value <= 1:
        return 1
    power = int(10 ** floor(log10(value)))
    return next(step for n in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if (step := int(n * power)) >= value and step == n * power)


def draw(heading: str, subheading: str, panels: Sequence[Panel]) -> str:
    """The whole picture as SVG text."""
    days = [day for panel in panels for day in panel.days] or [0]
    first, last = min(days), max(days)
    columns = min(_COLUMNS, max(1, len(panels)))
    rows = -(-len(panels) // columns)
    across, down = _SCALE + _PLOT_WIDTH + _BETWEEN, _TITLE + _PLOT + _MONTHS + _GAP
    width, height = 2 * _MARGIN + columns * across - _BETWEEN, _HEAD + rows * down - _GAP + _FOOT
    left = _MARGIN + _SCALE
    out = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
            f'height="{height}" role="img" aria-label="{escape(heading)}">'
        ),
        f"<style>{_STYLE}</style>",
        f'<rect class="sheet" width="{width}" height="{height}"/>',
        f'<text class="head" x="{left}" y="38">{escape(heading)}</text>',
        f'<text x="{left}" y="60">{escape(subheading)}</text>',
    ]
    for number, panel in enumerate(panels):
        row, column = divmod(number, columns)
        out.append(f'<g transform="translate({left + column * across} {_HEAD + row * down})">')
        out += _draw_panel(panel, first, last)
        out.append("</g>")
    out.append(
        f'<text class="small" x="{left}" y="{height - 16}">Each panel: matches a day on a scale of its own, '
        f"{_span(first, last)}, days in UTC; the highest day is marked.</text>"
    )
    out.append("</svg>\n")
    return "\n".join(out)


def _draw_panel(panel: Panel, first: int, last: int) -> list[str]:
    """One panel, its plot's left edge at x = 0 and its title's top at y = 0."""
    base = _TITLE + _PLOT
    most = max(panel.days.values(), default=0)
    scale = nice_ceiling(most)
    noun = "match" if panel.total == 1 else "matches"
    out = [
        f'<text class="name" x="0" y="14">{escape(panel.name)}</text>',
        f'<text class="total" x="{_PLOT_WIDTH}" y="14" text-anchor="end">{panel.total:,} {noun}</text>',
        f'<text x="0" y="31">{escape(_cut(panel.description))}</text>',
        (
            f'<text class="small" transform="translate({-_SCALE + 8} {base - _PLOT / 2:g}) rotate(-90)" '
            'text-anchor="middle">a day</text>'
        ),
    ]
    for value in (0, scale / 2, scale) if scale % 2 == 0 else (0, scale):
        y = base - _PLOT * value / scale
        style = "line" if value else "axis"
        out.append(f'<line class="{style}" x1="0" x2="{_PLOT_WIDTH}" y1="{y:g}" y2="{y:g}"/>')
        out.append(f'<text class="small" x="-8" y="{y + 4:g}" text-anchor="end">{int(value):,}</text>')
    step = _PLOT_WIDTH / (last - first + 1)
    out += _draw_months(first, last, step, base)
    out += _draw_bars(panel, first, step, base, scale)
    if not panel.days:
        x, y = _PLOT_WIDTH / 2, base - _PLOT / 3
        out.append(f'<text class="small" x="{x:g}" y="{y:g}" text-anchor="middle">none</text>')
    return out


def _draw_bars(panel: Panel, first: int, step: float, base: float, scale: int) -> list[str]:
    out: list[str] = []
    width = max(step * 0.84, 0.6)
    peak = max(panel.days, key=lambda day: panel.days[day], default=None)
    for day, count in sorted(panel.days.items()):
        x, tall = (day - first) * step + (step - width) / 2, max(_PLOT * count / scale, 0.8)
        style = "peak" if day == peak else "bar"
        out.append(
            f'<rect class="{style}" x="{x:.2f}" y="{base - tall:.2f}" width="{width:.2f}" height="{tall:.2f}">'
            f"<title>{_date(day)}: {count:,}</title></rect>"
        )
    if peak is not None:
        most = panel.days[peak]
        x, y = (peak - first + 0.5) * step, base - _PLOT * most / scale
        side, anchor = (-1, "end") if x > _PLOT_WIDTH / 2 else (1, "start")
        place = f'x="{x + 5 * side:.1f}" y="{y + 9:.1f}" text-anchor="{anchor}"'
        words = f"{_date(peak)}: {most:,}</text>"
        # the halo lies under the words, so that they stand out from the bars
        out += [f'<text class="halo" {place}>{words}', f'<text class="note" {place}>{words}']
    return out


def _draw_months(first: int, last: int, step: float, base: float) -> list[str]:
    """Ticks where months begin, and the names of as many as have room."""
    out: list[str] = []
    starts = [day for day in range(first, last + 1) if _at(day).day == 1]
    every = max(1, -(-len(starts) // 13))
    for number, day in enumerate(starts):
        x = (day - first) * step
        out.append(f'<line class="axis" x1="{x:.2f}" x2="{x:.2f}" y1="{base}" y2="{base + 4}"/>')
        if number % every == 0 and x < _PLOT_WIDTH - 20:
            out.append(f'<text class="small" x="{x:.2f}" y="{base + 17}">{_at(day):%b}</text>')
    return out


def _cut(text: str, most: int = 78) -> str:
    """``text`` on one line of a panel."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _at(day: int) -> datetime:
    return datetime.fromtimestamp(day * 86_400, UTC)


def _date(day: int) -> str:
    at = _at(day)
    return f"{at.day} {at:%b}"


def _span(first: int, last: int) -> str:
    return f"{_date(first)} {_at(first).year} to {_date(last)} {_at(last).year}"
