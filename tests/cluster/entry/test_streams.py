"""A stream takes every text, also one that is closed or knows only ASCII."""

import os
import subprocess
import sys

import pytest

from cluster.entry.streams import forget_silly_width

START = "from cluster.entry.streams import open_streams; open_streams(); import sys; "


def printed(code: str, shell: str = "", **variables: str) -> tuple[int, bytes, bytes]:
    command = ["sh", "-c", f'exec "$0" -c "$1" {shell}', sys.executable, START + code]
    env = os.environ | {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"} | variables
    done = subprocess.run(command, env=env, capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("variables", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}])
def test_what_ascii_lacks_is_escaped(variables: dict[str, str]) -> None:
    code, out, _ = printed("print('\\u00fc \\u65e5'); print('\\udcff')", **variables)

    assert (code, out) == (0, b"\\xfc \\u65e5\n\\udcff\n")


def test_half_a_character_of_a_file_name_is_escaped_in_utf8_too() -> None:
    assert printed("print('\\udcff \\u00fc')", PYTHONUTF8="1")[1] == b"\\udcff \xc3\xbc\n"


def test_closed_streams_are_silent() -> None:
    code = "print('x'); sys.stderr.write('y'); assert not sys.stdin.isatty()"

    assert printed(code, "<&- >&- 2>&-") == (0, b"", b"")


@pytest.mark.parametrize(
    ("columns", "left"), [("0", None), ("39", None), ("-5", None), ("x", None), ("80", "80")]
)
def test_a_silly_width_is_forgotten(
    columns: str, left: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)

    forget_silly_width()

    assert os.environ.get("COLUMNS") == left
