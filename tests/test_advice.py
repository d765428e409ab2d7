"""Advice names commands, options and settings that there are, and does no harm.

All texts of the code and of the docs are read; of `f"rm {path}"` the part in braces is an X.
"""

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from apps.cli.cli import NOUNS, load_noun
from places import ROOT
from train.scenarios.scenario import PloutosConfig
from train.sweep import __main__ as sweep

PACKAGES = ("cluster", "features", "envs", "train", "serve", "trade", "apps")
CODE = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
HISTORY = {ROOT / "docs" / "log.md"}  # tells what was so once
DOCS = [ROOT / "README.md", *sorted(set((ROOT / "docs").rglob("*.md")) - HISTORY)]
CALL = re.compile(r"(?<![\w/.-])ploutos (?=[a-z])((?:(?!ploutos )[^;,()`\n#])+)")
END_OF_CALL = re.compile(
    r" (?:or|and|then|makes|names|reads|sets|lists|tells|is|with)(?: |$)|: |\. "
)
OF_OTHERS = re.compile(r"\b(?:ray|python -m|git|make|pip) ")
KEYS = {
    name: set(section)
    for name, section in PloutosConfig(name="any").model_dump().items()
    if isinstance(section, dict)
}


def text_of(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = (text_of(part) for part in node.values)
        return "".join("X" if part is None else part for part in parts)
    return None


def texts(path: Path) -> Iterator[str]:
    """Every text of a page, or of a module: those in braces, too."""
    if path.suffix == ".md":
        yield path.read_text("utf-8").replace("\\\n", " ")
        return
    inner: set[int] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.JoinedStr):
            inner.update(id(part) for part in node.values)
        found = text_of(node)
        if found is not None and id(node) not in inner:
            yield found


def calls(text: str) -> Iterator[list[str]]:
    """The words after `ploutos` of every call in a text; `a|b` gives two calls."""
    for match in CALL.finditer(text):
        line = END_OF_CALL.split(match[1])[0].rstrip(" .'\"")
        try:
            words = shlex.split(line)
        except ValueError:
            words = line.split()
        choice = next((word for word in words[:2] if "|" in word), "")
        for one in choice.split("|"):
            yield [one if word == choice else word for word in words]


@cache
def command(*words: str) -> Any:
    """The command that these words call, or why there is none."""
    if words[0] not in NOUNS:
        return f"no noun {words[0]}"
    verbs = getattr(loaded := load_noun(words[0]), "commands", None)
    if verbs is None or len(words) == 1 or not words[1][0].islower():
        return loaded
    return verbs.get(words[1], f"no verb {words[1]}")


def options_of(called: Any) -> set[str]:
    """The options of a command, or of all verbs of a noun."""
    verbs = getattr(called, "commands", {}).values()
    own = {name for p in called.params for name in (*p.opts, *p.secondary_opts)}
    return own.union(*(options_of(verb) for verb in verbs)) | {"--help", "--json", "-h"}


@cache
def sweep_options() -> set[str]:
    return options_of(typer.main.get_command(sweep._app))


@cache
def all_options() -> set[str]:
    return set().union(*(options_of(load_noun(noun)) for noun in NOUNS), sweep_options())


def faults(words: list[str]) -> Iterator[str]:
    """What is wrong with one call."""
    named = command(*words[:2]) if len(words) > 1 else command(words[0])
    if isinstance(named, str):
        yield named
        return
    ours = words[: words.index("--")] if "--" in words else words
    known = ((ours, options_of(named)), (words[len(ours) :], sweep_options()))
    for part, options in known:
        names = {word.partition("=")[0] for word in part if re.match("--[a-z]", word)}
        yield from (f"no option {name}" for name in sorted(names - options))


@pytest.mark.parametrize("path", [*CODE, *DOCS], ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_is_named_is_there(path: Path) -> None:
    wrong = {
        f"ploutos {' '.join(words)}: {fault}"
        for text in texts(path)
        for words in calls(text)
        for fault in faults(words)
    }

    assert not wrong


def advice(path: Path) -> Iterator[str]:
    """The texts of a module that tell a user what to do next."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            given = [*node.args[2:3]] if name.endswith("Error") else []
            given += [key.value for key in node.keywords if key.arg in ("advice", "next_command")]
            yield from filter(None, map(text_of, given))
        elif isinstance(node, ast.Assign) and len(node.targets) == 1:
            name = getattr(node.targets[0], "id", "").lower()
            if name in ("advice", "_advice", "fix"):
                yield from filter(None, (text_of(part) for part in ast.walk(node.value)))


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_option_or_a_key_that_advice_names_is_there(path: Path) -> None:
    wrong = set()
    for text in advice(path):
        if not OF_OTHERS.search(text):
            wrong |= set(re.findall(r"(?<!\S)--[a-z][a-z-]+", text)) - all_options()
        for section, key in re.findall(r"\b([a-z_]+)\.([a-z_]+)\b", text):
            if section in KEYS and key not in KEYS[section]:
                wrong.add(f"{section}.{key}")

    assert not wrong


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_advice_removes_or_upgrades_anything(path: Path) -> None:
    harm = re.compile(r"\brm \S|--upgrade|\bdelete\b|\bray stop\b|\bpkill\b")

    assert not [text for text in advice(path) if harm.search(text)]
