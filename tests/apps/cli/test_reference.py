"""docs/cli.md is what the commands say of themselves."""

from apps.cli.cli import NOUNS
from apps.cli.reference import reference
from places import ROOT

PAGE = ROOT / "docs" / "cli.md"


def test_the_reference_page_is_up_to_date():
    assert PAGE.read_text() == reference(), "run: python -m apps.reference > docs/cli.md"


def test_every_noun_has_a_section_and_every_command_an_example():
    page = reference()

    assert all(f"\n## {noun}\n" in page for noun in NOUNS)
    assert page.count("\n### ploutos ") == page.count("```\nploutos ")
