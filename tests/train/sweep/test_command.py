"""What `python -m train.sweep` understands; test_sweep runs it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from cluster.errors import UsageError
from train.learners.factory import LEARNERS
from train.sweep.__main__ import _app, _store, check_arguments, main

HEAVY = ("torch", "ray", "polars")


def parsed(*arguments: str) -> dict[str, Any]:
    return typer.main.get_command(_app).make_context("sweep", list(arguments)).params


def test_help_names_every_option_and_learner_and_loads_nothing_heavy() -> None:
    code = (
        "import sys; from train.sweep.__main__ import main; code = main(['--help']); "
        f"heavy = set({HEAVY!r}) & set(sys.modules); sys.exit(str(heavy) if heavy else code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stderr) == (0, "")
    listed = "scenario set bars simulated edge source lake trials steps learner name home artifacts"
    listed += " resume"
    assert all(f"--{name}" in done.stdout for name in listed.split())
    assert " or ".join(LEARNERS) in done.stdout


def test_without_options_it_is_the_demo_on_the_bars_of_the_lake() -> None:
    given = parsed()

    assert given["scenario"] == "demo"
    assert (given["simulated"], given["name"], given["artifacts"]) == (False, "", "")
    others = ("bars", "edge", "source", "lake", "trials", "steps", "learner", "home", "resume")
    assert {name: given[name] for name in others} == dict.fromkeys(others)


def test_options_are_read() -> None:
    given = parsed("--set", "a.b=1", "--set", "c.d=[2]", "--trials", "3", "--home", "/data/p")

    assert (list(given["settings"]), given["trials"]) == (["a.b=1", "c.d=[2]"], 3)
    assert given["home"] == Path("/data/p")


def test_what_a_job_is_given_is_checked_before_it_is_submitted() -> None:
    check_arguments(["--lake", "s3://bucket/lake", "--name", "mine"])
    with pytest.raises(UsageError, match="is no name for a sweep"):
        check_arguments(["--name", "../mine"])
    with pytest.raises(UsageError, match="--edge and --lake contradict"):
        check_arguments(["--edge", "4", "--lake", "s3://bucket/lake"])


def test_the_artefact_store_may_stand_in_the_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PLOUTOS_ARTIFACTS", "memory://x")

    named, other = _store(""), _store(str(tmp_path))

    assert named is not None
    assert other is not None
    assert (named.url, other.url) == ("memory://x", str(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--bogus"], "No such option"),
        (["--trials", "few"], "--trials"),
        (["--learner", "dqn"], "dqn is none of sb3, rllib"),
        (["--set", "foo"], "--set foo cannot be read"),
        (["--bars", "x.csv", "--simulated"], "--bars and --simulated contradict each other"),
    ],
)
def test_what_cannot_be_understood_is_a_usage_error(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2

    assert says in capsys.readouterr().err
