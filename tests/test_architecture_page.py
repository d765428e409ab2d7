"""docs/architecture.md: every name in its pictures and every path in its tables exists."""

import ast
import re

import pytest

from places import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text()
README = (ROOT / "README.md").read_text()
PICTURES = re.findall(r"```mermaid\n(.*?)```", PAGE, re.DOTALL)
BOXES = sorted(set(re.findall(r'\["(\w+)<br/>([\w/]+\.py)"\]', PAGE)))
VALUES = sorted({value for picture in PICTURES for value in re.findall(r"-- (.+?) -->", picture)})
CODE = ("cluster", "features", "envs", "train", "serve", "trade", "apps")


def defined_in(path: str) -> set[str]:
    body = ast.parse((ROOT / path).read_text()).body
    return {n.name for n in body if isinstance(n, ast.FunctionDef | ast.ClassDef)}


def test_there_are_four_ways() -> None:
    assert len(PICTURES) == 4
    assert all(len(re.findall(r"<br/>", picture)) >= 5 for picture in PICTURES)


@pytest.mark.parametrize(("name", "path"), BOXES)
def test_a_box_stands_in_its_file(name: str, path: str) -> None:
    assert name in defined_in(path)


def test_a_value_on_an_arrow_is_a_class_of_the_code() -> None:
    files = [file for package in CODE for file in (ROOT / package).rglob("*.py")]
    classes = set().union(*(defined_in(str(file)) for file in files))

    assert VALUES
    assert [value for value in VALUES if value not in classes] == []


def test_every_end_of_an_arrow_is_a_box() -> None:
    for picture in PICTURES:
        boxes = set(re.findall(r"(\w+)\[", picture))
        ends = set(re.findall(r"(?:--> |^  )(\w+)", picture, re.MULTILINE)) - {"flowchart"}
        assert ends <= boxes


@pytest.mark.parametrize("page", ["docs/architecture.md", "README.md"])
def test_the_paths_in_the_tables_exist(page: str) -> None:
    text = (ROOT / page).read_text()
    rows = [line for line in text.splitlines() if line.startswith("|")]

    paths = {path for row in rows for path in re.findall(r"`([\w/-]+(?:/|\.py|\.md|\.yaml))`", row)}

    assert len(paths) >= 5
    assert [path for path in paths if not (ROOT / path).exists()] == []
