"""Pages from values: every text is escaped, and a page needs nothing else."""

import tomllib
from collections.abc import Callable

import plotly.graph_objects as go
import pytest
from hypothesis import given, settings

from cluster.html.page import (
    Banner,
    Bullets,
    Card,
    Cards,
    Cell,
    Chart,
    Facts,
    Heading,
    Note,
    Page,
    Part,
    Section,
    Table,
    Tile,
    Tiles,
    render,
)
from cluster.html.style import TONES, Tone
from markup import hostile, skeleton, words
from places import ROOT


def chart(text: str) -> Chart:
    return Chart(go.Figure(go.Scatter(x=[1, 2], y=[3, 4], name=text, text=[text, text])), "drawn")


PARTS: dict[str, Callable[[str], Part]] = {
    "note": Note,
    "heading": Heading,
    "bullets": lambda text: Bullets([text, text]),
    "facts": lambda text: Facts([(text, text)]),
    "tiles": lambda text: Tiles([Tile(text, text, text), Tile(text, text)]),
    "table": lambda text: Table([text, text], [[text, Cell(text, shade=0.5)]], chosen=0, text=1),
    "marks": lambda text: Table(["", text], [[Cell(text, tone=Tone.BAD), text]], dense=True),
    "cards": lambda text: Cards([Card(text, chart(text), text)]),
    "section": lambda text: Section(text, [Note(text), Heading(text)]),
    "folded": lambda text: Section(text, [Section(text, [Note(text)])], folded=True),
    "banner": lambda text: Banner(text, text, text, Tone.GOOD, label=text),
}


@pytest.mark.parametrize("kind", PARTS)
@given(text=hostile)
@settings(max_examples=40, deadline=None)
def test_no_text_adds_or_changes_an_element(kind: str, text: str) -> None:
    harmless, drawn = render(PARTS[kind]("text")), render(PARTS[kind](text))

    assert skeleton(drawn) == skeleton(harmless)
    assert words(drawn).replace(text, "text") == words(harmless)


@given(text=hostile)
@settings(max_examples=5, deadline=None)
def test_a_whole_page_holds_against_any_text(text: str) -> None:
    def page(text: str) -> str:
        banner = Banner(text, "", "", Tone.PLAIN)
        return render(Page(text, banner, [Note(text), chart(text)], footer=text))

    harmless, drawn = page("text"), page(text)

    assert skeleton(drawn) == skeleton(harmless)
    assert words(drawn).count(text) >= 4  # title, banner, note, footer


def test_a_page_loads_nothing_from_elsewhere() -> None:
    page = render(Page("t", Banner("YES", "why", "what", Tone.GOOD), [chart("a"), chart("b")]))

    attributes = {name for _, attributes in skeleton(page) for name, _ in attributes}
    assert not attributes & {"src", "href", "action", "data"}
    assert "@import" not in page.split("</style>")[0]
    assert page.startswith("<!doctype html>")
    assert page.count("Plotly.newPlot(") == 2
    assert words(page) == "t what YES why"


def test_an_expression_of_a_template_is_a_text_like_any_other() -> None:
    assert render(Note("{{ 7 * 7 }} {% raw %} {{ part }}")).strip() == (
        '<p class="note">{{ 7 * 7 }} {% raw %} {{ part }}</p>'
    )


def test_shades_tell_gain_from_loss_and_size() -> None:
    grounds = [Cell("", shade=shade).ground for shade in (1.0, 0.5, -0.5, -3.0)]

    assert grounds == [
        "rgba(31, 111, 180, 0.50)",
        "rgba(31, 111, 180, 0.29)",
        "rgba(224, 123, 0, 0.29)",
        "rgba(224, 123, 0, 0.50)",
    ]
    assert "style" not in render(Table(["a"], [[Cell("0.0")]]))


def test_what_is_special_of_a_table_is_marked() -> None:
    drawn = render(Table(["a", "b"], [["1", "x"], [Cell("BAD", tone=Tone.BAD), "y"]], 1, 1))

    classes = [(tag, value) for tag, attributes in skeleton(drawn) for _, value in attributes]
    assert classes == [
        ("div", "scroll"),
        ("th", "text"),
        ("td", "text"),
        ("tr", "chosen"),
        ("span", "mark bad"),
        ("td", "text"),
    ]


@pytest.mark.parametrize(("rows", "box"), [(20, "scroll"), (21, "scroll long")])
def test_a_long_table_scrolls_in_its_box(rows: int, box: str) -> None:
    drawn = render(Table(["a"], [["1"]] * rows))

    assert ("div", [("class", box)]) in skeleton(drawn)
    assert words(drawn) == "a " + " ".join(["1"] * rows)


def test_the_page_knows_the_ground_of_every_tone() -> None:
    css = render(Page("t", Banner("a", "", "", Tone.WARN), [])).split("</style>")[0]

    assert all(f".{tone} {{ background: {TONES[tone]}; }}" in css for tone in Tone)


def test_an_installed_package_has_the_templates() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    globs = project["tool"]["setuptools"]["package-data"]["cluster.html"]
    folder = ROOT / "cluster" / "html"

    packed = {path for pattern in globs for path in folder.glob(pattern)}

    files = {path for path in folder.rglob("*") if path.suffix not in {".py", ".pyc", ""}}
    assert packed == files
    assert len(packed) > 10
