"""What the demo prints while it runs."""

import re

import pytest

from apps.demo.console import STEPS, DemoConsole


def test_a_step_prints_its_lines_with_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    console = DemoConsole()

    with console.step("judge") as lines:
        lines.extend(["NOT BETTER", "against flat: -0.10"])

    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "  4/6 judge    NOT BETTER"
    assert re.fullmatch(r" {15}against flat: -0\.10  \(\d+\.\d s\)", printed[1])
    assert console.seconds["judge"] >= 0.0


def test_a_failed_step_prints_nothing_and_keeps_the_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        with DemoConsole().step("data") as lines:
            lines.append("half done")
            raise ValueError("bad bars")

    with pytest.raises(ValueError, match="bad bars"):
        fail()

    assert capsys.readouterr().out == ""


def test_quiet_talks_on_stderr_so_that_stdout_stays_one_document(
    capsys: pytest.CaptureFixture[str],
) -> None:
    DemoConsole(quiet=True).progress("trial 1/6")

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "      .. trial 1/6\n"


def test_there_are_six_steps_in_the_order_of_the_line() -> None:
    assert STEPS == ("data", "features", "tune", "judge", "serve", "paper")
