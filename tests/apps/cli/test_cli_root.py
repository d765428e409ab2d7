"""The root of the command line: lazy nouns, suggestions, exit codes, one JSON document."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from apps.cli.cli import NOUNS, load_noun

HEAVY = ("ray", "torch", "polars", "numba", "pandas", "streamlit", "plotly", "duckdb", "onnx")
PLOUTOS = Path(sys.executable).with_name("ploutos")


def imported(*args: str) -> set[str]:
    """Top-level modules that a real process imports to run this command line."""
    command = [sys.executable, "-X", "importtime", "-m", "apps.cli", *args]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    names = (line.rpartition("|")[2].strip() for line in done.stderr.splitlines())
    return {name.split(".")[0] for name in names} | {name for name in names if "commands" in name}


def verbs() -> list[tuple[str, ...]]:
    """Every command of the command line."""
    found: list[tuple[str, ...]] = []
    for noun in NOUNS:
        command = load_noun(noun)
        inner = getattr(command, "commands", None)
        found += [(noun, verb) for verb in inner] if inner else [(noun,)]
    return found


@pytest.mark.parametrize("command", verbs(), ids=" ".join)
def test_every_command_has_json_and_an_example(command, ploutos):
    shown = ploutos(*command, "--help")

    assert shown.code == 0
    assert "--json" in shown.stdout
    assert f"Example: ploutos {' '.join(command)}" in shown.stdout


@pytest.mark.parametrize("noun", NOUNS)
def test_help_imports_nothing_heavy(noun):
    assert not imported(noun, "--help") & set(HEAVY)


def test_root_help_lists_every_noun_and_imports_none():
    command = [sys.executable, "-X", "importtime", "-m", "apps.cli", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)

    assert all(f" {noun} " in done.stdout for noun in NOUNS)
    assert "apps.commands." not in done.stderr


def test_no_arguments_show_the_help(ploutos):
    assert ploutos().stdout == ploutos("--help").stdout


def test_an_unknown_noun_suggests_the_nearest(ploutos):
    outcome = ploutos("dta")

    assert outcome.code == 2
    assert "'dta'" in outcome.stderr
    assert "Did you mean 'data'" in outcome.stderr
    assert "next: ploutos --help" in outcome.stderr


def test_an_unknown_option_names_the_command_to_ask(ploutos):
    outcome = ploutos("version", "--jsn")

    assert outcome.code == 2
    assert "--json" in outcome.stderr
    assert "next: ploutos version --help" in outcome.stderr


def test_version_as_json_is_one_document(ploutos):
    outcome = ploutos("version", "--json")

    assert outcome.code == 0
    assert outcome.document["ray"] == "2.60.0"
    assert outcome.stderr == ""


def test_an_error_as_json_is_one_document_on_stdout(ploutos, tmp_path):
    outcome = ploutos("data", "check", tmp_path / "none.parquet", "--json")

    error = outcome.document["error"]
    assert outcome.code == error["exit_code"] == 1
    assert error["kind"] == "DataError"
    assert "no such file" in error["why"]
    assert error["next"]


def test_the_console_script_honours_no_color():
    coloured = {"FORCE_COLOR": "", "NO_COLOR": "1", "TERM": "xterm-256color"}
    done = subprocess.run(
        [PLOUTOS, "version", "--help"],
        capture_output=True,
        env=os.environ | coloured,
        check=True,
        timeout=60,
    )

    assert b"\x1b[3" not in done.stdout


def test_a_reader_that_goes_away_is_no_traceback():
    done = subprocess.run(
        ["bash", "-c", f"{PLOUTOS} version --json | head -c 1"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stdout == "{"
    assert "Traceback" not in done.stderr


def test_json_of_an_empty_home_is_the_same_shape_twice(ploutos):
    first = ploutos("report", "list", "--json")
    second = ploutos("report", "list", "--json")

    assert json.loads(first.stdout) == json.loads(second.stdout)
    assert first.document["reports"] == []


def test_a_full_disk_behind_stdout_is_a_failure():
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m apps.cli version > /dev/full"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("error: cannot write: the disk is full\n  next: free some space")
    assert "Traceback" not in done.stderr
