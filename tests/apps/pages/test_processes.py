"""The console script as a process: exit codes, clean stdout, signals, and what it leaves."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from apps.pages.app_process import start_app
from cluster.errors import UsageError
from cluster.processes import Process, family
from cluster.servers import free_port, port_is_free
from cluster.settings import Home
from trade.journal.journal import Journal

PLOUTOS = Path(sys.executable).with_name("ploutos")


def call(*args: object, home: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PLOUTOS, *map(str, args)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=cwd,
        env=os.environ | {"PLOUTOS_HOME": str(home)},
    )


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("model", "list"), 0),
        (("data", "check", "none.csv"), 1),
        (("model", "lst"), 2),
        (("tune", "run", "--scenario", "none"), 3),
        (("model", "verify", "--require-better"), 6),
    ],
    ids=["ok", "failed", "usage", "configuration", "verdict"],
)
def test_exit_codes_of_the_design(args, code, filled_home, tmp_path):
    plain = call(*args, home=filled_home, cwd=tmp_path)
    as_json = call(*args, "--json", home=filled_home, cwd=tmp_path)

    assert plain.returncode == as_json.returncode == code
    assert "Traceback" not in plain.stderr + as_json.stderr
    document = json.loads(as_json.stdout)
    assert ("error" in document) == (code in (1, 2, 3))


def test_a_session_that_another_process_writes_is_exit_code_4(filled_home, tmp_path):
    with Journal(Home(filled_home).journal / "busy.jsonl"):
        outcome = call(
            *("trade", "replay", "--local", "--from", "2016-03-30"),
            *("--session", "busy", "--resume"),
            home=filled_home,
            cwd=tmp_path,
        )

    assert outcome.returncode == 4
    assert "is in use" in outcome.stderr


def test_reading_commands_write_nothing(tmp_path):
    home = tmp_path / "home"
    for args in (("--help",), ("version",), ("data", "status"), ("model", "list"), ("doctor",)):
        call(*args, home=home, cwd=tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_two_homes_never_meet(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    simulate = ("data", "simulate", "--symbols", 2, "--sessions", 3)

    assert call(*simulate, home=one, cwd=tmp_path).returncode == 0
    status = call("data", "status", "--json", home=two, cwd=tmp_path)

    assert json.loads(status.stdout) == {"lake": [], "actions": []}
    assert not two.exists()


def test_a_home_may_be_named_relative_to_the_current_folder(tmp_path):
    simulate = ("data", "simulate", "--symbols", 2, "--sessions", 3)

    call(*simulate, home=Path("here"), cwd=tmp_path)

    assert (tmp_path / "here" / "lake").is_dir()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_app_ends_with_its_command(number, filled_home, tmp_path):
    port = free_port()
    command = [PLOUTOS, "app", "open", "--no-browser", "--port", str(port), "--json"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PLOUTOS_HOME": str(filled_home)},
    )
    assert process.stdout is not None
    told = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
    members = family(process.pid)

    process.send_signal(number)
    _, errors = process.communicate(timeout=30)

    assert told["url"] == f"http://127.0.0.1:{port}"
    assert len(members) >= 2
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert not any(member.alive for member in members)
    assert port_is_free(port)


def test_the_app_answers_and_closes(tmp_path):
    with start_app(tmp_path / "home", free_port()) as app:
        server = Process.of(app.process.pid)
        assert server is not None
        assert server.alive

    assert not server.alive
    assert "Traceback" not in (tmp_path / "home" / "logs" / "app.log").read_text()


def test_a_busy_port_is_refused_before_anything_is_written(tmp_path):
    with start_app(tmp_path / "first", free_port()) as app:
        port = int(app.url.rpartition(":")[2])
        with pytest.raises(UsageError, match=f"port {port} is busy") as caught:
            start_app(tmp_path / "second", port)

    assert f"--port {port + 1}" in caught.value.next_command
    assert not (tmp_path / "second").exists()


def test_an_interrupt_in_the_middle_of_work_is_130_and_keeps_what_was_there(filled_home, tmp_path):
    before = sorted(path.name for path in (filled_home / "lake").rglob("*.parquet"))
    process = subprocess.Popen(
        [PLOUTOS, "data", "simulate", "--symbols", "400", "--sessions", "2500"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PLOUTOS_HOME": str(filled_home)},
    )
    time.sleep(3)

    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "Traceback" not in errors
    assert set(before) <= {path.name for path in (filled_home / "lake").rglob("*.parquet")}
