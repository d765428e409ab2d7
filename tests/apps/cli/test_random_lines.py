"""No command line, however wrong, is an unexpected failure."""

import sys
from pathlib import Path

import pytest
from random_lines import make_places, random_lines, shown

CODES = {0, 1, 2, 3, 4, 5, 6}
SEED = 20261129


def faults_of(ploutos, root: Path, folder: Path, seed: int, count: int) -> list[str]:
    """The lines, of `count` random ones, that failed in a way nobody foresaw."""
    places, faults = make_places(folder), []
    for line in random_lines(seed, count, places):
        outcome = ploutos(*line)
        logs = list((root / "logs").glob("error-*.log"))
        if outcome.code not in CODES or logs or "unexpected failure" in outcome.stderr:
            faults.append(f"{shown(line)}: {outcome.code} {outcome.stderr.strip()[-300:]}")
        for log in logs:
            sys.stderr.write(log.read_text())
            log.unlink()
    return faults


@pytest.mark.parametrize("part", range(4))
def test_random_lines_fail_as_foreseen(part, ploutos, filled_home, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    assert faults_of(ploutos, filled_home, tmp_path / "here", SEED + part, 50) == []


@pytest.mark.chaos
@pytest.mark.timeout(1800)
def test_two_thousand_random_lines_fail_as_foreseen(ploutos, filled_home, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    assert faults_of(ploutos, filled_home, tmp_path / "here", SEED, 2000) == []
