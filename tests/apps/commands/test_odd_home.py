"""A home in a folder whose name is a pattern gives the answers of the same home elsewhere."""

import shutil
from pathlib import Path

import pytest

from features import Lake

COMMANDS = (
    *("data status --symbols", "data check", "data market --interval 1h", "model list"),
    *("model show", "model verify", "tune list", "judge list"),
    *("trade status", "trade orders", "trade positions", "report list"),
    *("backtest list", "features check --cuts 1"),
)


def answers(ploutos, home: Path) -> dict[str, tuple[int, str]]:
    found = {}
    for line in COMMANDS:
        outcome = ploutos(*line.split(), "--json")
        assert "unexpected failure" not in outcome.stderr, line
        found[line] = (outcome.code, outcome.stdout.replace(str(home), "HOME"))
    return found


def test_every_command_answers_alike_beside_a_home_that_the_name_matches(
    ploutos, filled_template, tmp_path, monkeypatch: pytest.MonkeyPatch
):
    plain, odd, match = (tmp_path / name / "home" for name in ("plain", "run [1]* ?", "run 1x y"))
    for home in (plain, odd):
        shutil.copytree(filled_template, home)
    bars = Lake(plain / "lake").scan("1h").collect().head(200)
    Lake(match / "lake").write(bars, interval="1h", source="file")

    monkeypatch.setenv("PLOUTOS_HOME", str(plain))
    wanted = answers(ploutos, plain)
    monkeypatch.setenv("PLOUTOS_HOME", str(odd))

    assert answers(ploutos, odd) == wanted
    codes = {line: code for line, (code, _) in wanted.items() if code}
    assert codes == {}
