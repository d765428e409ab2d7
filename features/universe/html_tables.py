"""HTML tables as rows of text: `rowspan` and `colspan` spread out, footnote marks left out."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

from cluster.errors import DataError

_SILENT = {"style", "script", "sup"}  # footnote marks are superscripts
MAX_SPAN = 1000  # the limit of the HTML standard for colspan


@dataclass
class HtmlTable:
    """One table.

    Attributes:
        head: One text a column: the texts of its header cells from top to bottom, joined.
        rows: Rows of cells, each as wide as its own row says.
    """

    head: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)


@dataclass
class _Cell:
    heading: bool
    columns: int
    rows: int
    text: list[str] = field(default_factory=list)

    def words(self) -> str:
        return " ".join("".join(self.text).split())


def read_tables(page: str, names: tuple[str, ...]) -> dict[str, HtmlTable]:
    """The tables of a page that have one of these ids.

    Raises:
        DataError: one is missing, has no rows, or the page ends inside it.
    """
    reader = _Reader(names)
    reader.feed(page)
    reader.close()
    for name in names:
        if name not in reader.found:
            cut = "the page ends inside it" if name == reader.inside else "it is not on the page"
            raise DataError(
                f"no table {name!r}", cut, "ploutos universe import reads it from files instead"
            )
    return {name: _spread(rows) for name, rows in reader.found.items()}


class _Reader(HTMLParser):
    """Collects the cells of the tables with the ids asked for; tables inside are skipped."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(convert_charrefs=True)
        self.names = names
        self.found: dict[str, list[list[_Cell]]] = {}
        self.inside = ""
        self._rows: list[list[_Cell]] = []
        self._cell: _Cell | None = None
        self._depth = 0  # of tables
        self._silent = 0  # depth of elements without text for a reader

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "table":
            self._start_table(given.get("id") or "")
        elif not self.inside or self._depth > 1:
            return
        elif tag in _SILENT:
            self._silent += 1
        elif tag == "tr":
            self._cell = None
            self._rows.append([])
        elif tag in ("td", "th") and self._rows:
            self._cell = _Cell(tag == "th", _span(given, "colspan"), _span(given, "rowspan"))
            self._rows[-1].append(self._cell)
        elif tag == "br" and self._cell:
            self._cell.text.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if not self.inside:
            return
        if tag == "table":
            self._depth -= 1
            if self._depth == 0:
                self.found[self.inside] = self._rows
                self.inside = ""
        elif tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in ("td", "th", "tr") and self._depth == 1:
            self._cell = None

    def handle_data(self, data: str) -> None:
        if self._cell and self._depth == 1 and not self._silent:
            self._cell.text.append(data)

    def _start_table(self, name: str) -> None:
        if self.inside:
            self._depth += 1
        elif name in self.names and name not in self.found:
            self.inside, self._depth, self._silent = name, 1, 0
            self._rows, self._cell = [], None


def _span(attributes: dict[str, str | None], name: str) -> int:
    text = attributes.get(name) or "1"
    return min(max(int(text), 1), MAX_SPAN) if text.isdecimal() else 1


def _spread(rows: list[list[_Cell]]) -> HtmlTable:
    """Give every row the cells that reach into it from the left and from above."""
    table, heads = HtmlTable(), list[list[str]]()
    above: dict[int, tuple[int, str]] = {}  # column: rows left to fill, and with what
    for row in rows:
        texts = list[str]()
        cells = list(row)
        while cells or len(texts) in above:
            column = len(texts)
            if column in above:
                left, text = above.pop(column)
                texts.append(text)
                if left > 1:
                    above[column] = (left - 1, text)
                continue
            cell = cells.pop(0)
            for _ in range(cell.columns):
                if cell.rows > 1:
                    above[len(texts)] = (cell.rows - 1, cell.words())
                texts.append(cell.words())
        if row and all(cell.heading for cell in row):
            heads.append(texts)
        elif row:
            table.rows.append(texts)
    width = max(map(len, heads), default=0)
    parts = [[head[c] for head in heads if c < len(head)] for c in range(width)]
    table.head = [" ".join(dict.fromkeys(column)).lower() for column in parts]
    return table
