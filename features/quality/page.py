"""The HTML of the quality report: page, tables and tiles; every text is escaped here."""

from collections.abc import Sequence
from html import escape

COLOURS = {"OK": "#0a6c5a", "NOTE": "#6b7785", "SUSPECT": "#b26a00", "BAD": "#b3261e"}
STYLE = """
:root { --ink: #1d2733; --muted: #66727f; --line: #e1e5ea; --paper: #fff; --ground: #f5f6f8; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 20px 16px 56px; }
header { padding: 28px 28px 24px; border-radius: 14px; color: #fff; }
header p { margin: 0; opacity: .92; overflow-wrap: anywhere; }
header .verdict { margin: 2px 0 6px; font-size: clamp(34px, 7vw, 52px); line-height: 1.1;
  font-weight: 750; letter-spacing: -.02em; opacity: 1; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 12px;
  margin-top: 14px; }
.tile { background: var(--paper); border: 1px solid var(--line); border-radius: 12px;
  padding: 12px 16px; }
.tile b { display: block; font-size: 20px; line-height: 1.35; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
.tile span, .note, figcaption { color: var(--muted); font-size: 14px; }
section { margin-top: 16px; padding: 20px 22px; background: var(--paper);
  border: 1px solid var(--line); border-radius: 14px; }
h2 { margin: 0 0 8px; font-size: 20px; letter-spacing: -.01em; }
p { margin: 0 0 10px; } figure { margin: 0; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(290px, 1fr)); gap: 14px; }
.grid figure { overflow: hidden; border: 1px solid var(--line); border-radius: 10px;
  padding: 10px 12px 12px; min-width: 0; }
.grid .plotly-graph-div { width: 100%; }
.grid h3 { margin: 0; font-size: 15.5px; } .grid figcaption { line-height: 1.4; }
.scroll { overflow-x: auto; max-height: 560px; overflow-y: auto; }
table { width: 100%; border-collapse: collapse; font-size: 14px;
  font-variant-numeric: tabular-nums; }
th, td { padding: 6px 10px; text-align: right; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th:first-child, td:first-child, td.text, th.text { text-align: left; }
td.text { white-space: normal; min-width: 260px; }
th { position: sticky; top: 0; background: var(--paper); color: var(--muted); font-weight: 600; }
.mark { display: inline-block; padding: 1px 9px; border-radius: 99px; color: #fff;
  font-size: 12px; font-weight: 700; letter-spacing: .03em; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; margin: 0;
  font-size: 14px; }
dt { color: var(--muted); } dd { margin: 0; }
summary { cursor: pointer; font-weight: 650; }
footer { margin-top: 18px; color: var(--muted); font-size: 13px; }
@media (max-width: 560px) { main { padding: 10px 8px 40px; } section { padding: 16px 14px; }
  .tiles { grid-template-columns: 1fr 1fr; gap: 8px; } dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: 8px; } }
@media print { body { background: #fff; } section, .tile { break-inside: avoid; } }
"""


def page(title: str, body: Sequence[str], script: str) -> str:
    """A whole document with everything inside; `script` is the charting library."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n<script>{script}</script>\n"
        "</head>\n<body>\n<main>\n" + "\n".join(body) + "\n</main>\n</body>\n</html>\n"
    )


def banner(verdict: str, context: str, headline: str) -> str:
    """The verdict, before anything else."""
    colour = COLOURS[verdict]
    return (
        f'<header style="background:{colour}"><p>{escape(context)}</p>'
        f'<p class="verdict">{escape(verdict)}</p><p>{escape(headline)}</p></header>'
    )


def tiles(rows: Sequence[tuple[str, str]]) -> str:
    """Numbers in large type: (value, name)."""
    cells = (
        f'<div class="tile"><b>{escape(value)}</b><span>{escape(name)}</span></div>'
        for value, name in rows
    )
    return f'<div class="tiles">{"".join(cells)}</div>'


def section(heading: str, *parts: str) -> str:
    """A titled box; `parts` are HTML."""
    return f"<section><h2>{escape(heading)}</h2>{''.join(parts)}</section>"


def folded(heading: str, content: str) -> str:
    """A box that is opened by a click; `content` is HTML."""
    return f"<section><details><summary>{escape(heading)}</summary>{content}</details></section>"


def note(text: str) -> str:
    """A paragraph in small type."""
    return f'<p class="note">{escape(text)}</p>'


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, text: int = -1) -> str:
    """A table that scrolls; verdicts are coloured, `text` is the column of running text."""
    head = _row("th", columns, text)
    body = "".join(_row("td", row, text) for row in rows)
    return f'<div class="scroll"><table><thead>{head}</thead><tbody>{body}</tbody></table></div>'


def _row(tag: str, cells: Sequence[str], text: int) -> str:
    marks = (' class="text"' if at == text else "" for at in range(len(cells)))
    inner = (f"<{tag}{mark}>{_cell(cell)}</{tag}>" for mark, cell in zip(marks, cells, strict=True))
    return f"<tr>{''.join(inner)}</tr>"


def _cell(cell: str) -> str:
    if cell in COLOURS:
        return f'<span class="mark" style="background:{COLOURS[cell]}">{cell}</span>'
    return escape(cell)


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """Names and what they are."""
    rows = (f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in pairs)
    return f"<dl>{''.join(rows)}</dl>"


def card(heading: str, drawing: str, caption: str) -> str:
    """A small chart with its heading and what it shows; `drawing` is HTML."""
    return (
        f"<figure><h3>{escape(heading)}</h3>{drawing}"
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def cards(figures: Sequence[str]) -> str:
    """Cards side by side."""
    return f'<div class="grid">{"".join(figures)}</div>'
