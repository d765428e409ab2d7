"""HTML tables as rows of text: `rowspan` and `colspan` spread out, footnote marks left out."""

from dataclasses import dataclass
from itertools import count, takewhile

from lxml.etree import strip_elements
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from cluster.errors import DataError

_SILENT = ("style", "script", "sup")  # footnote marks are superscripts
_ROWS = "./tr | ./thead/tr | ./tbody/tr | ./tfoot/tr"
MAX_SPAN = 1000  # the limit of the HTML standard for colspan


@dataclass(frozen=True)
class HtmlTable:
    """One table.

    Attributes:
        head: One text a column: the texts of its header cells from top to bottom, joined.
        rows: Rows of cells, each as wide as its own row says.
    """

    head: list[str]
    rows: list[list[str]]


def read_tables(page: str, names: tuple[str, ...]) -> dict[str, HtmlTable]:
    """The tables of a page that have one of these ids; of each id the first.

    Raises:
        DataError: one is missing, or the page was cut.
    """
    if "</html>" not in page.lower():  # lxml would close what is open, and say nothing
        raise _refusal(names[0], "the page was cut: it has no end")
    document = document_fromstring(page.encode(), parser=HTMLParser(encoding="utf-8"))
    strip_elements(document, *_SILENT, with_tail=False)
    return {name: _table(document, name) for name in names}


def _table(document: HtmlElement, name: str) -> HtmlTable:
    table = next(document.iterfind(f".//table[@id='{name}']"), None)
    if table is None:
        raise _refusal(name, "it is not on the page")
    for inner in table.findall(".//table"):
        inner.drop_tree()
    for line_break in table.iter("br"):
        line_break.tail = f" {line_break.tail or ''}"
    cells = [row.xpath("./td | ./th") for row in table.xpath(_ROWS)]
    heads, rows = list[list[str]](), list[list[str]]()
    for row, texts in zip(cells, _spread(cells), strict=True):
        if row:
            (heads if all(cell.tag == "th" for cell in row) else rows).append(texts)
    width = max(map(len, heads), default=0)
    columns = [[head[c] for head in heads if c < len(head)] for c in range(width)]
    return HtmlTable([" ".join(dict.fromkeys(column)).lower() for column in columns], rows)


def _spread(cells: list[list[HtmlElement]]) -> list[list[str]]:
    """Texts of each row, with those that reach into it from the left and from above."""
    grid: list[dict[int, str]] = [{} for _ in cells]
    for number, row in enumerate(cells):
        column = 0
        for cell in row:
            while column in grid[number]:
                column += 1
            text = " ".join(cell.text_content().split())
            for below in grid[number : number + _span(cell, "rowspan")]:
                below |= dict.fromkeys(range(column, column + _span(cell, "colspan")), text)
    return [[row[column] for column in takewhile(row.__contains__, count())] for row in grid]


def _span(cell: HtmlElement, name: str) -> int:
    text = cell.get(name, "1")
    return min(max(int(text), 1), MAX_SPAN) if text.isdecimal() else 1


def _refusal(name: str, why: str) -> DataError:
    return DataError(
        f"no table {name!r}", why, "ploutos universe import reads it from files instead"
    )
