"""A running sweep as a table and as lines; and one real, small sweep from end to end."""

import pytest
from rich.console import Console

from apps.cli.sweep_table import trial_table, watched
from train.sweep.progress import SweepEvent, SweepProgress


def event(number: int, kind: str, steps: int, sharpe: float | None) -> SweepEvent:
    return SweepEvent(
        kind=kind,
        trial=f"t{number}",
        number=number,
        trials=3,
        sampled={"learning_rate": 0.00025},
        seed=0,
        steps=steps,
        total_steps=1000,
        steps_per_second=4321.0,
        validation_sharpe=sharpe,
        elapsed_s=12.5,
    )


def progress_of(*events: SweepEvent) -> SweepProgress:
    progress = SweepProgress()
    for one in events:
        progress.add(one)
    return progress


def test_the_table_has_one_row_a_trial_and_the_whole_in_its_title():
    view = trial_table(
        progress_of(event(2, "progress", 500, 0.1), event(1, "completed", 1000, 0.4))
    )
    console = Console(width=120, no_color=True)
    with console.capture() as capture:
        console.print(view)
    lines = capture.get().splitlines()

    assert "1 of 3 trials ended" in lines[0]
    assert "best 0.40" in lines[0]
    assert "left" in lines[0]
    assert lines[2].split()[:4] == ["1", "completed", "100%", "4,321"]
    assert lines[3].split()[:3] == ["2", "progress", "50%"]


def test_without_a_terminal_events_are_lines_on_stderr(capsys):
    with watched() as report:
        report(event(1, "started", 0, None))
        report(event(1, "completed", 1000, 0.4))

    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 2


@pytest.mark.slow
def test_a_small_sweep_leaves_trials_bundle_verdict_and_report(ploutos, home_root, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    values = ("training.n_envs=32", "training.n_steps=32", "training.batch_size=512")
    settings = [word for value in values for word in ("--set", value)]
    small = ("--trials", 2, "--steps", 2048, *settings)

    done = ploutos("tune", "run", "--name", "small", *small, "--json")
    assert done.code == 0, done
    listed = ploutos("tune", "list", "--json").document["sweeps"]
    shown = ploutos("tune", "show", "small", "--json").document["trials"]
    best = ploutos("tune", "best", "small", "--json").document
    compared = ploutos("tune", "compare", "small", "small", "--json").document["sweeps"]
    again = ploutos("tune", "run", "--name", "small", *small)
    better = ploutos("model", "verify", "--require-better", "--json")
    missing = ploutos("trade", "replay", "--local")
    ploutos("data", "simulate")
    traded = ploutos("trade", "replay", "--local", "--from", "2017-12-01", "--json")

    assert done.document["verdict"]["label"] in ("BETTER", "NOT BETTER")
    assert "trial 2/2 completed" in done.stderr
    assert [sweep["sweep"] for sweep in listed] == ["small"]
    assert (listed[0]["state"], listed[0]["ended"], listed[0]["next"]) == ("finished", 2, "")
    assert len(shown) == 2
    judged = [trial["trial_id"] for trial in shown if trial["test_sharpe"] is not None]
    assert judged == [best["trial"]]
    assert best["trial"] == done.document["best"]["trial"]
    assert best["bundle"] == done.document["bundle"]
    assert best["median validation"] == sum(t["validation_sharpe"] for t in shown) / 2
    assert [sweep["env steps"] for sweep in compared] == [4096, 4096]
    assert (home_root / "reports" / "small.html").stat().st_size > 1000
    assert again.code == 2
    assert better.code == (0 if done.document["verdict"]["label"] == "BETTER" else 6)
    assert missing.code == 1
    assert "next: ploutos data" in missing.stderr
    assert traded.code == 0, traded.stderr
    assert traded.document["risk_breaches"] == 0
