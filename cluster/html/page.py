"""A page and its parts as values; `render` fills their templates, which escape every text."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Protocol

from jinja2 import Environment, PackageLoader, StrictUndefined

from cluster.html import style
from cluster.html.style import Tone, translucent

if TYPE_CHECKING:
    import plotly.graph_objects as go


class Part(Protocol):
    """A value with a template of its own, where it is called `part`."""

    template: ClassVar[str]


def render(part: Part) -> str:
    """HTML of a page or of a part; the same value gives the same text."""
    return _templates().get_template(part.template).render(part=part)


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=PackageLoader("cluster.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals["style"] = style
    return templates


@dataclass(frozen=True)
class Note:
    """A paragraph in small type."""

    template: ClassVar[str] = "note.html"
    text: str


@dataclass(frozen=True)
class Bullets:
    """A list."""

    template: ClassVar[str] = "bullets.html"
    texts: Sequence[str]


@dataclass(frozen=True)
class Facts:
    """Names and what they are."""

    template: ClassVar[str] = "facts.html"
    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Heading:
    """The title of a part of a section."""

    template: ClassVar[str] = "heading.html"
    text: str


@dataclass(frozen=True)
class Tile:
    """A number in large type."""

    value: str
    remark: str  # below the number
    name: str = ""  # above it


@dataclass(frozen=True)
class Tiles:
    """Tiles side by side, as many in a row as there is room for."""

    template: ClassVar[str] = "tiles.html"
    tiles: Sequence[Tile]


@dataclass(frozen=True)
class Cell:
    """A cell of a table that is more than its text."""

    text: str
    shade: float = 0.0  # ground, from -1 (loss) over 0 (none) to 1 (gain)
    tone: Tone | None = None  # the text as a mark of this tone

    @property
    def ground(self) -> str:
        """CSS colour of the shade: blue for a gain, orange for a loss."""
        colour = style.BLUE if self.shade > 0 else style.ORANGE
        return translucent(colour, 0.08 + 0.42 * min(abs(self.shade), 1.0))


@dataclass(frozen=True)
class Table:
    """A table that scrolls inside its section: sideways on a phone, and down when it is long."""

    template: ClassVar[str] = "table.html"
    columns: Sequence[str]  # headings
    rows: Sequence[Sequence[str | Cell]]
    chosen: int = -1  # the row to highlight, -1 for none
    text: int = -1  # the column of running text, -1 for none
    dense: bool = False  # many narrow columns

    @property
    def cells(self) -> list[list[Cell]]:
        """All rows, each cell a `Cell`."""
        return [
            [cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in self.rows
        ]


@dataclass(frozen=True, eq=False)
class Chart:
    """A figure that fits its width; `name` is its id, and stands once in a page."""

    template: ClassVar[str] = "chart.html"
    figure: "go.Figure"
    name: str

    @property
    def drawn(self) -> str:
        """HTML without the library, which the page brings; Plotly escapes what it holds."""
        options = {"displayModeBar": False, "responsive": True}
        drawn: str = self.figure.to_html(
            full_html=False, include_plotlyjs=False, div_id=self.name, config=options
        )
        return drawn


@dataclass(frozen=True)
class Card:
    """A small chart with its heading and what it shows."""

    heading: str
    chart: Chart
    caption: str


@dataclass(frozen=True)
class Cards:
    """Cards side by side."""

    template: ClassVar[str] = "cards.html"
    cards: Sequence[Card]


@dataclass(frozen=True)
class Section:
    """A titled box; a folded one is opened by a click."""

    template: ClassVar[str] = "section.html"
    heading: str
    parts: Sequence[Part]
    folded: bool = False


@dataclass(frozen=True)
class Banner:
    """The answer, before anything else."""

    template: ClassVar[str] = "banner.html"
    answer: str
    headline: str  # below the answer
    context: str  # above it
    tone: Tone
    label: str = ""  # a warning such as SIMULATED


@dataclass(frozen=True)
class Page:
    """A whole document that loads nothing from elsewhere."""

    template: ClassVar[str] = "page.html"
    title: str
    banner: Banner
    parts: Sequence[Part]
    footer: str = ""

    @property
    def library(self) -> str:
        """The charting library as JavaScript."""
        from plotly.offline import get_plotlyjs

        library: str = get_plotlyjs()
        return library
