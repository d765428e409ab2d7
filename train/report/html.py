"""The HTML of a report: page, tables and tiles; every text is escaped here."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go

STYLE = """
:root { --ink: #1d2733; --muted: #6b7785; --line: #e1e5ea; --paper: #ffffff; --ground: #f5f6f8;
  --accent: #0a6c74; --warn: #a35c00; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 980px; margin: 0 auto; padding: 20px 16px 56px; }
header { padding: 30px 28px 26px; border-radius: 14px; color: #fff; background: #263341; }
header.better { background: #0a5c4a; }
header p { margin: 0; opacity: .88; }
header .answer { margin: 4px 0 8px; font-size: clamp(34px, 7vw, 54px); line-height: 1.05;
  font-weight: 750; letter-spacing: -.02em; opacity: 1; }
.label { display: inline-block; margin-bottom: 14px; padding: 3px 12px; border-radius: 99px;
  background: #ffd166; color: #3b2a00; font-weight: 700; font-size: 13px; letter-spacing: .06em; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px;
  margin: 14px 0 0; }
.tile { background: var(--paper); border: 1px solid var(--line); border-radius: 12px;
  padding: 14px 16px; }
.tile b { display: block; font-size: 26px; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tile span, .note, figcaption { color: var(--muted); font-size: 14px; }
section { margin-top: 16px; padding: 20px 22px; background: var(--paper);
  border: 1px solid var(--line); border-radius: 14px; }
h2 { margin: 0 0 10px; font-size: 20px; letter-spacing: -.01em; }
h3 { margin: 18px 0 4px; font-size: 15px; }
p { margin: 0 0 10px; } ul { margin: 0; padding-left: 20px; } li { margin: 4px 0; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: 14.5px;
  font-variant-numeric: tabular-nums; }
th, td { padding: 7px 10px; text-align: right; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
th { color: var(--muted); font-weight: 600; vertical-align: bottom; white-space: normal; }
.text { text-align: left; padding-left: 18px; }
td.text { white-space: normal; min-width: 330px; font-weight: 400; color: var(--muted); }
tr.chosen td:not(.text) { font-weight: 650; color: var(--accent); }
tbody tr:last-child td { border-bottom: 0; }
.shaded { font-size: 13px; } .shaded th, .shaded td { padding: 6px 6px; }
.shaded td { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 5px 18px; margin: 0;
  font-size: 14.5px; }
dt { color: var(--muted); } dd { margin: 0; overflow-wrap: anywhere; }
code { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
footer { margin-top: 18px; color: var(--muted); font-size: 13px; }
@media (max-width: 560px) { main { padding: 10px 8px 40px; } header { padding: 22px 18px; }
  section { padding: 16px 14px; } dl { grid-template-columns: 1fr; gap: 0; }
  td.text { white-space: nowrap; } dd { margin-bottom: 8px; }
  .tiles { grid-template-columns: 1fr 1fr; gap: 8px; } }
@media print { body { background: #fff; } main { max-width: none; padding: 0; }
  section, .tile { break-inside: avoid; border-color: #bbb; }
  header { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""


def page(title: str, body: Sequence[str], script: str) -> str:
    """A whole document with everything inside; `script` is the charting library."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n<script>{script}</script>\n"
        "</head>\n<body>\n<main>\n" + "\n".join(body) + "\n</main>\n</body>\n</html>\n"
    )


def banner(answer: str, headline: str, *, good: bool, label: str = "", context: str) -> str:
    """The verdict, before anything else; `label` is a warning such as SIMULATED."""
    badge = f'<span class="label">{escape(label)}</span>' if label else ""
    return (
        f'<header class="{"better" if good else "open"}">{badge}<p>{escape(context)}</p>'
        f'<p class="answer">{escape(answer)}</p><p>{escape(headline)}</p></header>'
    )


def tiles(rows: Sequence[tuple[str, str, str]]) -> str:
    """Numbers in large type: (value, name, remark)."""
    cells = (
        f'<div class="tile"><span>{escape(name)}</span><b>{escape(value)}</b>'
        f"<span>{escape(remark)}</span></div>"
        for value, name, remark in rows
    )
    return f'<div class="tiles">{"".join(cells)}</div>'


def section(heading: str, *parts: str) -> str:
    """A titled box; `parts` are HTML."""
    return f"<section><h2>{escape(heading)}</h2>{''.join(parts)}</section>"


def heading(text: str) -> str:
    """The title of a part of a box."""
    return f"<h3>{escape(text)}</h3>"


def minus(number: str) -> str:
    """A number with a true minus sign."""
    return number.replace("-", "\N{MINUS SIGN}")


def number(value: float | None) -> str:
    """With two digits; a dash where there is none."""
    return minus("–" if value is None else f"{value:.2f}")


def percent(value: float, digits: int = 1) -> str:
    """A share in percent."""
    return minus(f"{100.0 * value:.{digits}f} %")


def short(value: Any) -> str:
    """A parameter in few characters."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def chart(figure: "go.Figure", name: str) -> str:
    """A figure that fits its width; the library is in the page once."""
    options = {"displayModeBar": False, "responsive": True}
    drawn = figure.to_html(full_html=False, include_plotlyjs=False, div_id=name, config=options)
    return f"<figure style='margin:0'>{drawn}</figure>"


def note(text: str) -> str:
    """A paragraph in small type."""
    return f'<p class="note">{escape(text)}</p>'


def bullets(texts: Sequence[str]) -> str:
    """A list."""
    return "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>"


def table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, chosen: int = -1, text: int = -1
) -> str:
    """A table that scrolls sideways on a phone.

    Args:
        columns: headings.
        rows: cells, a row each.
        chosen: the row to highlight, -1 for none.
        text: the column that holds running text, -1 for none.
    """
    head = _cells("th", columns, text)
    body = []
    for index, row in enumerate(rows):
        mark = ' class="chosen"' if index == chosen else ""
        body.append(f"<tr{mark}>{_cells('td', row, text)}</tr>")
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _cells(tag: str, row: Sequence[str], text: int) -> str:
    marks = (' class="text"' if at == text else "" for at in range(len(row)))
    return "".join(
        f"<{tag}{mark}>{escape(cell)}</{tag}>" for mark, cell in zip(marks, row, strict=True)
    )


def shaded_table(
    columns: Sequence[str], rows: Sequence[tuple[str, Sequence[tuple[str, float]]]]
) -> str:
    """A table of numbers with a ground of their sign and size.

    Args:
        columns: headings, that of the row names first.
        rows: a name, and for each cell its text and a shade from -1 (loss) over 0 (none) to 1.
    """
    head = _cells("th", columns, -1)
    body = []
    for name, cells in rows:
        shaded = (f"<td{_ground(shade)}>{escape(text)}</td>" for text, shade in cells)
        body.append(f"<tr><td>{escape(name)}</td>{''.join(shaded)}</tr>")
    return (
        f'<div class="scroll"><table class="shaded"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _ground(shade: float) -> str:
    """Blue for a gain and orange for a loss: told apart by the colour-blind, too."""
    if shade == 0.0:
        return ""
    colour = "37, 99, 175" if shade > 0 else "209, 107, 20"
    return f' style="background: rgba({colour}, {0.08 + 0.42 * min(abs(shade), 1.0):.2f})"'


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """Names and what they are."""
    rows = (f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in pairs)
    return f"<dl>{''.join(rows)}</dl>"
