"""Tables as HTML, for notebooks: plain, escaped, first rows only.

Notebooks ask an object for ``_repr_html_``; what is made here needs no style sheet, script or package, and no text of
events or rules becomes markup.
Cost: O(rows shown).
Tested by: tests/app/test_notebook.py
"""

from __future__ import annotations

from base64 import b64encode
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cep.model.batch import EventBatch

SHOWN_ROWS = 20
_WIDEST = 200  # characters of a cell


def table(head: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "", below: str = "") -> str:
    """A table; numbers stand to the right, None is told from the text ``null``."""
    top = f"<caption>{escape(caption)}</caption>" if caption else ""
    titles = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    foot = f"<p>{escape(below)}</p>" if below else ""
    return f"<table>{top}<thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>{foot}"


def batch_table(batch: EventBatch, rows: int = SHOWN_ROWS) -> str:
    """The first events of a batch, with their times."""
    shown = batch.take(slice(0, rows)) if len(batch) > rows else batch
    dicts = shown.to_dicts(meta=batch.provenance is not None)
    names = [n for n in (dicts[0] if dicts else batch.columns) if n not in ("_type", "_id")]
    more = len(batch) - len(shown)
    caption = f"{batch.schema.name}: {count(len(batch), 'event')}"
    return table(names, [[row[n] for n in names] for row in dicts], caption, f"and {more:,} more" if more else "")


def picture(svg: str, title: str) -> str:
    """An SVG text as an image: its style does not touch the page."""
    data = b64encode(svg.encode()).decode()
    return f'<img alt="{escape(title)}" src="data:image/svg+xml;base64,{data}">'


def count(number: int, noun: str) -> str:
    """``1 event``, ``2 events``."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _cell(value: object) -> str:
    if value is None:
        return "<td><i>null</i></td>"
    if isinstance(value, bool):
        return f"<td>{str(value).lower()}</td>"
    text = str(value)
    if len(text) > _WIDEST:
        text = text[:_WIDEST] + "…"
    if isinstance(value, int | float):
        return f'<td style="text-align:right">{escape(text)}</td>'
    return f'<td style="text-align:left">{escape(text)}</td>'
