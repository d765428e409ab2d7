"""Every kind of failure ends in one message with a next command and its own exit code."""

import errno
import json
import stat

import pytest
import typer

from apps.cli.failure import Failure, failure_of, report_failure
from cluster.errors import (
    BundleError,
    ConfigError,
    DataError,
    LockedError,
    PloutosError,
    RiskHaltedError,
    UsageError,
)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (PloutosError, 1),
        (DataError, 1),
        (BundleError, 1),
        (UsageError, 2),
        (ConfigError, 3),
        (LockedError, 4),
        (RiskHaltedError, 5),
    ],
)
def test_a_known_error_keeps_its_words_and_code(kind, code, home_root, capsys):
    returned = report_failure(kind("no bars", "the file is empty", "ls -l bars.csv"), False)

    printed = capsys.readouterr()
    assert returned == code
    assert printed.err == "error: no bars: the file is empty\n  next: ls -l bars.csv\n"
    assert printed.out == ""


def test_a_known_error_under_another_is_found():
    outer = RuntimeError("a trial failed")
    outer.__cause__ = DataError("bars are bad", "high < low", "ploutos data check bars.csv")

    assert failure_of(outer).what == "bars are bad"


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "/data/x.parquet"),
        RuntimeError("IO Error: could not write: No space left on device"),
    ],
)
def test_a_full_disk_is_named_whoever_met_it(error):
    failure = failure_of(error)

    assert failure.exit_code == 1
    assert failure.why == "the disk is full"
    assert "free some space" in failure.next_command


@pytest.mark.parametrize("error", [KeyboardInterrupt(), typer.Abort()])
def test_an_interrupt_is_130(error):
    assert failure_of(error) == Failure("Interrupted", "interrupted", "", "", 130)


def test_an_unexpected_failure_leaves_its_traceback_in_a_log(home_root, capsys):
    try:
        raise ZeroDivisionError("division by zero")
    except ZeroDivisionError as error:
        code = report_failure(error, False)

    printed = capsys.readouterr().err
    (log,) = (home_root / "logs").glob("error-*.log")
    assert code == 1
    assert "ZeroDivisionError: division by zero" in printed
    assert "Traceback" not in printed
    assert "PLOUTOS_DEBUG=1" in printed
    assert str(log) in printed
    assert "Traceback" in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_an_unexpected_failure_is_told_even_where_nothing_can_be_written(
    tmp_path, monkeypatch, capsys
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PLOUTOS_HOME", str(tmp_path / "file" / "home"))

    assert report_failure(ValueError("odd"), False) == 1
    assert "ValueError: odd" in capsys.readouterr().err


def test_debug_shows_the_traceback_beside_the_json(home_root, monkeypatch, capsys):
    monkeypatch.setenv("PLOUTOS_DEBUG", "1")

    report_failure(ValueError("odd"), True)

    printed = capsys.readouterr()
    assert json.loads(printed.out)["error"]["why"] == "ValueError: odd"
    assert "Traceback" not in printed.out
    assert "ValueError: odd" in printed.err


def test_the_reporter_survives_an_env_file_in_another_encoding(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PLOUTOS_HOME", raising=False)
    (tmp_path / ".env").write_bytes(b"\xfc=1\n")

    assert report_failure(ValueError("odd"), False) == 1
    assert "ValueError: odd" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "No such file or directory", "a.csv"),
        OSError(errno.ENAMETOOLONG, "File name too long", "a.csv"),
        PermissionError(errno.EACCES, "Permission denied", "a.csv"),
    ],
)
def test_a_path_that_cannot_be_used_is_named(error):
    failure = failure_of(error)

    assert (failure.what, failure.why) == ("cannot read or write a.csv", error.strerror)
    assert failure.exit_code == 1


def test_a_failed_import_names_the_file_that_stood_in_the_way(tmp_path, monkeypatch):
    (tmp_path / "colours.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError) as caught:
        exec("from colours import red")

    failure = failure_of(caught.value)

    assert failure.what == "cannot import colours"
    assert str(tmp_path / "colours.py") in failure.why
    assert "PYTHONPATH" in failure.next_command
