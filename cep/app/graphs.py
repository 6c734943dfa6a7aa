"""Graphs: nodes and arrows as a mermaid flowchart, or as an SVG picture laid out here.

Layout of the picture: layers from left to right. A node's layer is one more than the highest layer of what leads to
it, arrows back (found by a depth-first walk) and arrows from a node to itself left aside; inside a layer nodes stand by
the mean place of what leads to them. The picture needs nothing beside it and follows the reader's light or dark
setting.

Cost: O(nodes + arrows), but for sorting.
References: Sugiyama, Tagawa, Toda 1981, for layers and means.
Tested by: tests/cli/test_explain.py
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from html import escape
from textwrap import wrap
from typing import TYPE_CHECKING, Literal

from cep.model.html import picture

if TYPE_CHECKING:
    from collections.abc import Sequence

Kind = Literal["stream", "derived", "rule", "state", "match"]

_CHAR, _LINE, _PAD = 7.6, 17, 12
_ABOVE, _BETWEEN = 56, 30  # room for the title and for an arrow over a node; between two nodes of a layer
_LABEL = 30  # characters in a line of an arrow's text
_STYLE = """
  svg { background: #ffffff; }
  text { font: 13px ui-monospace, "SF Mono", "DejaVu Sans Mono", monospace; fill: #161b26; }
  .title { font-size: 15px; font-weight: 600; }
  .more { fill: #5b6577; }
  .label { font-size: 11.5px; fill: #4a5261; stroke: #ffffff; stroke-width: 4; paint-order: stroke; }
  .box { fill: #f3f6fb; stroke: #98a1b0; stroke-width: 1.2; }
  .rule, .state { fill: #e6effc; stroke: #2f74d0; }
  .derived, .match { fill: #fdeee5; stroke: #d9622b; }
  .arrow { fill: none; stroke: #6b7484; stroke-width: 1.3; }
  .tip { fill: #6b7484; }
  @media (prefers-color-scheme: dark) {
    svg { background: #12161e; }
    text { fill: #eef2f8; }
    .more { fill: #9aa5b6; }
    .label { fill: #b4bdcb; stroke: #12161e; }
    .box { fill: #1a202b; stroke: #5b6577; }
    .rule, .state { fill: #18273d; stroke: #5b9bf0; }
    .derived, .match { fill: #35221a; stroke: #ff9a5c; }
    .arrow { stroke: #8d97a8; }
    .tip { fill: #8d97a8; }
  }
"""


@dataclass(frozen=True, slots=True)
class Node:
    """A node: its name, unlike all others, its lines of text, and what it stands for."""

    name: str
    lines: tuple[str, ...]
    kind: Kind


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow between two nodes by their names, with lines of text."""

    source: str
    target: str
    label: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Graph:
    """A titled graph; every edge joins nodes that are there."""

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def _repr_html_(self) -> str:
        return picture(svg(self), self.title)


# -------------------------------------------------------------------------------------------------------- mermaid

# mermaid reads HTML entities, written with # for &
_ENTITIES = str.maketrans({"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "`": "#96;", "|": "#124;"})
_SHAPES = {
    "stream": ("([", "])"),
    "derived": ("([", "])"),
    "rule": ("[", "]"),
    "state": ("(", ")"),
    "match": ("((", "))"),
}


def mermaid(graph: Graph) -> str:
    """The graph as the text of a mermaid flowchart."""
    ids = {node.name: f"n{i}" for i, node in enumerate(graph.nodes)}
    out = ["---", f'title: "{_quoted(graph.title)}"', "---", "flowchart LR"]
    for node in graph.nodes:
        left, right = _SHAPES[node.kind]
        out.append(f'  {ids[node.name]}{left}"{_lines(node.lines)}"{right}')
    for edge in graph.edges:
        label = f'|"{_lines(edge.label)}"|' if edge.label else ""
        out.append(f"  {ids[edge.source]} -->{label} {ids[edge.target]}")
    return "\n".join(out) + "\n"


def _lines(lines: Sequence[str]) -> str:
    return "<br/>".join(map(_quoted, lines))


def _quoted(text: str) -> str:
    return text.translate(_ENTITIES)


# -------------------------------------------------------------------------------------------------------- picture


@dataclass(slots=True)
class _Box:
    node: Node
    layer: int
    width: float
    height: float
    x: float = 0.0
    y: float = 0.0

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


def svg(graph: Graph) -> str:
    """The graph as SVG text."""
    edges = tuple(replace(e, label=tuple(part for line in e.label for part in wrap(line, _LABEL))) for e in graph.edges)
    graph = replace(graph, edges=edges)
    boxes = _placed(graph)
    right = max((b.x + b.width for b in boxes.values()), default=0.0)
    bottom = max((b.y + b.height for b in boxes.values()), default=0.0)
    backs = sum(_goes_back(e, boxes) for e in graph.edges)
    right = max(right, len(graph.title) * 9.0)
    width, height = right + 2 * _PAD + 24, bottom + _PAD + 30 * backs + 8
    out = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
            f'height="{height:g}" role="img" aria-label="{escape(graph.title)}">'
        ),
        f"<style>{_STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" markerHeight="8" orient="auto">',
        '<path class="tip" d="M0 0.5 L8 4 L0 7.5 z"/></marker></defs>',
        f'<text class="title" x="{_PAD}" y="20">{escape(graph.title)}</text>',
    ]
    lane = bottom
    labels: list[str] = []
    for edge in graph.edges:
        if _goes_back(edge, boxes):
            lane += 30
        path, x, y = _path(boxes[edge.source], boxes[edge.target], lane - 8)
        out.append(f'<path class="arrow" d="{path}" marker-end="url(#tip)"/>')
        top = y - 14 * (len(edge.label) - 1)
        labels += [
            f'<text class="label" x="{x:g}" y="{top + 14 * i:g}" text-anchor="middle">{escape(line)}</text>'
            for i, line in enumerate(edge.label)
        ]
    for box in boxes.values():
        round_ = 5 if box.node.kind == "rule" else box.height / 2
        out.append(
            f'<rect class="box {box.node.kind}" x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" '
            f'height="{box.height:g}" rx="{round_:g}"/>'
        )
        for i, line in enumerate(box.node.lines):
            x, y = box.x + box.width / 2, box.y + _PAD / 2 + _LINE * (i + 0.75)
            style = ' class="more"' if i else ""
            out.append(f'<text{style} x="{x:g}" y="{y:g}" text-anchor="middle">{escape(line)}</text>')
    return "\n".join([*out, *labels, "</svg>\n"])


def _goes_back(edge: Edge, boxes: dict[str, _Box]) -> bool:
    return boxes[edge.target].layer < boxes[edge.source].layer


def _placed(graph: Graph) -> dict[str, _Box]:
    layers = _layers(graph)
    boxes = {
        n.name: _Box(n, layers[n.name], max(map(len, n.lines)) * _CHAR + 2 * _PAD, len(n.lines) * _LINE + _PAD)
        for n in graph.nodes
    }
    before: dict[str, list[str]] = {n.name: [] for n in graph.nodes}
    for edge in graph.edges:
        if layers[edge.source] < layers[edge.target]:
            before[edge.target].append(edge.source)
    columns: list[list[_Box]] = [[] for _ in range(1 + max(layers.values(), default=0))]
    for box in boxes.values():
        columns[box.layer].append(box)
    x, above = float(_PAD), float(_ABOVE + 14 * max((len(e.label) - 1 for e in graph.edges), default=0))
    for number, column in enumerate(columns):
        middles = {b.node.name: _mean([boxes[n].middle for n in before[b.node.name]]) for b in column}
        column.sort(key=lambda b: middles[b.node.name])
        y = above
        for box in column:
            box.x = x
            box.y = max(y, middles[box.node.name] - box.height / 2)
            y = box.y + box.height + _BETWEEN
        crossing = [e for e in graph.edges if layers[e.source] <= number < layers[e.target]]
        label = max((len(line) for e in crossing for line in e.label), default=0)
        x += max((b.width for b in column), default=0.0) + max(56.0, label * 6.9 + 36)
    _centre_first(graph, boxes, columns[0], above)
    return boxes


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _centre_first(graph: Graph, boxes: dict[str, _Box], column: Sequence[_Box], above: float) -> None:
    """Set the first layer beside the middle of what it leads to."""
    middle = {b.node.name: b.middle for b in boxes.values()}
    after = {b.node.name: [middle[e.target] for e in graph.edges if e.source == b.node.name] for b in column}
    y = above
    for box in sorted(column, key=lambda b: _mean(after[b.node.name])):
        box.y = max(y, _mean(after[box.node.name]) - box.height / 2)
        y = box.y + box.height + _BETWEEN


def _layers(graph: Graph) -> dict[str, int]:
    after: dict[str, list[str]] = {n.name: [] for n in graph.nodes}
    for edge in graph.edges:
        if edge.source != edge.target:
            after[edge.source].append(edge.target)
    done: list[str] = []
    begun: set[str] = set()
    back: set[tuple[str, str]] = set()
    for root in after:
        if root in begun:
            continue
        begun.add(root)
        open_ = {root}
        stack = [(root, iter(after[root]))]
        while stack:
            name, rest = stack[-1]
            target = next(rest, None)
            if target is None:
                stack.pop()
                open_.discard(name)
                done.append(name)
            elif target in open_:
                back.add((name, target))
            elif target not in begun:
                begun.add(target)
                open_.add(target)
                stack.append((target, iter(after[target])))
    layers = dict.fromkeys(after, 0)
    for name in reversed(done):
        for target in after[name]:
            if (name, target) not in back:
                layers[target] = max(layers[target], layers[name] + 1)
    return layers


def _path(a: _Box, b: _Box, lane: float) -> tuple[str, float, float]:
    """The arrow from ``a`` to ``b``, and where its label stands; arrows back run along ``lane``, below all nodes."""
    if a is b:
        x, y = a.x + a.width / 2, a.y
        return f"M{x - 12:g} {y:g} C{x - 20:g} {y - 26:g} {x + 20:g} {y - 26:g} {x + 12:g} {y:g}", x, y - 23
    if b.layer < a.layer:
        x1, x2 = a.x + a.width / 2, b.x + b.width / 2
        bottom1, bottom2 = a.y + a.height, b.y + b.height
        return f"M{x1:g} {bottom1:g} L{x1:g} {lane:g} L{x2:g} {lane:g} L{x2:g} {bottom2:g}", (x1 + x2) / 2, lane - 4
    x1, y1, x2, y2 = a.x + a.width, a.middle, b.x, b.middle
    if b.layer > a.layer + 1 and abs(y2 - y1) < 1:  # over what stands between
        rise = min(a.y, b.y) - 26
        bend = (x2 - x1) / 4
        return (
            f"M{x1:g} {y1:g} C{x1 + bend:g} {rise:g} {x2 - bend:g} {rise:g} {x2:g} {y2:g}",
            (x1 + x2) / 2,
            (y1 + 3 * rise) / 4 - 5,
        )
    half = (x2 - x1) / 2
    return f"M{x1:g} {y1:g} C{x1 + half:g} {y1:g} {x2 - half:g} {y2:g} {x2:g} {y2:g}", (x1 + x2) / 2, (y1 + y2) / 2 - 5


def page(title: str, parts: Sequence[tuple[str, str]]) -> str:
    """An HTML page that needs nothing beside it: for each part a text and a picture (or none)."""
    body = "\n".join(
        f"<section>\n{picture}" + (f"<pre>{escape(text)}</pre>\n" if text else "") + "</section>"
        for text, picture in parts
    )
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{escape(title)}</title>
<style>
  :root {{ color-scheme: light dark; }}
  body {{ font: 15px system-ui, sans-serif; margin: 2rem; background: light-dark(#ffffff, #12161e); }}
  section {{ margin-bottom: 3rem; overflow-x: auto; }}
  pre {{ font: 13px ui-monospace, monospace; line-height: 1.45; }}
</style>
{body}
</html>
"""
