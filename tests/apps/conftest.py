"""A command line of its own for every test: its own home, its own environment."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from apps.cli import run


@dataclass(frozen=True)
class Outcome:
    """What one command line did."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """The one JSON document of stdout."""
        return json.loads(self.stdout)


Ploutos = Callable[..., Outcome]


@pytest.fixture
def home_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, which every command of the test writes to."""
    root = tmp_path / "home"
    monkeypatch.setenv("PLOUTOS_HOME", str(root))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("PLOUTOS_DEBUG", raising=False)
    return root


@pytest.fixture
def ploutos(home_root: Path, capsys: pytest.CaptureFixture[str]) -> Ploutos:
    """Run a command line inside this process, as the console script would."""

    def call(*args: object) -> Outcome:
        capsys.readouterr()
        code = run([str(arg) for arg in args])
        printed = capsys.readouterr()
        return Outcome(code, printed.out, printed.err)

    return call
