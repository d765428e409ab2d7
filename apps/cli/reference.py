"""The reference page of the command line, written from the commands themselves.

`python -m apps.cli.reference > docs/cli.md`
"""

import inspect
import sys
from collections.abc import Iterator
from typing import Any

from apps.cli.cli import NOUNS, load_noun, ploutos

_TITLE = """# Command line

Written by `python -m apps.cli.reference > docs/cli.md`; a test compares the two.
"""


def reference() -> str:
    """The whole page, as Markdown."""
    lines = [_TITLE, inspect.cleandoc(ploutos.__doc__ or ""), ""]
    for noun, summary in NOUNS.items():
        lines += [f"## {noun}", "", summary, ""]
        for path, command in _commands(noun):
            lines += _section(path, command)
    return "\n".join(lines).rstrip() + "\n"


def _commands(noun: str) -> Iterator[tuple[str, Any]]:
    """Every command of a noun with its full name."""
    loaded = load_noun(noun)
    verbs: dict[str, Any] = getattr(loaded, "commands", {})
    if not verbs:
        yield f"ploutos {noun}", loaded
    for verb, command in verbs.items():
        yield f"ploutos {noun} {verb}", command


def _section(path: str, command: Any) -> list[str]:
    text, _, example = inspect.cleandoc(command.help).partition("Example: ")
    rows = [_row(parameter) for parameter in command.params]
    table = ["| argument or option | meaning | default |", "|---|---|---|", *rows]
    return [f"### {path}", "", text.strip(), "", *table, "", "```", example.strip(), "```", ""]


def _row(parameter: Any) -> str:
    """One line of the table."""
    is_option = parameter.param_type_name == "option"
    names = [*parameter.opts, *parameter.secondary_opts] if is_option else [parameter.name.upper()]
    default = parameter.default
    shown = "required" if parameter.required else "" if default in (None, False, "") else default
    meaning = (parameter.help or "").replace("|", "\\|")
    return f"| `{' / '.join(names)}` | {meaning} | {shown} |"


if __name__ == "__main__":
    sys.stdout.write(reference())
