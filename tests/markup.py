"""Texts that would break a page that does not escape them, and what a parser makes of a page."""

from hypothesis import strategies as st
from lxml import html

_TRAPS = ("<script>alert(1)</script>", "</script>", "</style>", "<b>", "&lt;", "&", "<!--")
_TRAPS += ('"', "'", "{{", "}}", "{{7*7}}", "{%", "%}", "{#", "' onclick='x", "<img src=x>")
_letters = st.characters(categories=("L", "N", "P", "S"), exclude_characters="_")
_signs = st.text(_letters, min_size=1, max_size=4)
hostile = st.lists(st.sampled_from(_TRAPS) | _signs, min_size=1, max_size=4).map("".join)
"""Any text that a name, a reason or a cell may be."""


def skeleton(page: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Every element with its attributes, in order: what no text may change."""
    return [(node.tag, sorted(node.attrib.items())) for node in _parsed(page).iter()]


def words(page: str) -> str:
    """The text that a reader sees: no scripts, styles or tags; one space between words."""
    parsed = _parsed(page)
    for node in [*parsed.iter("script", "style")]:
        node.drop_tree()
    return " ".join(" ".join(parsed.itertext()).split())


def _parsed(page: str) -> html.HtmlElement:
    return html.document_fromstring(page)
