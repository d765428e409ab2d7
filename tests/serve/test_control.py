import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cluster.errors import BundleError, LockedError, UsageError
from cluster.locks import locked
from cluster.processes import (
    Process,
    end,
    reap,
    session_members,
    start_background,
    wait_gone,
)
from cluster.settings import Home
from serve.control import is_ready, serve_down, serve_status, serve_up
from serve.state import ServeState, host_command


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def state_of(leader: Process, home: Home, bundle_id: str = "a" * 16) -> ServeState:
    return ServeState(
        pid=leader.pid,
        start_ticks=leader.start_ticks,
        url="http://127.0.0.1:8700",
        bundle_id=bundle_id,
        bundle_path=home.bundles / bundle_id,
        token_path=home.tokens / "serve",
        log_path=home.logs / "serve.log",
        started=datetime.now(UTC),
    )


@pytest.fixture
def sleeper(home: Home) -> Process:
    """A process in a session of its own, that stands for an endpoint; ended by the test."""
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    return start_background(command, log=home.logs / "serve.log", env=os.environ)


def test_nothing_runs_in_a_new_home(home: Home) -> None:
    assert serve_status(home) is None
    assert serve_down(home) is None


def test_a_state_is_read_back_as_it_was_written(home: Home, sleeper: Process) -> None:
    state = state_of(sleeper, home)

    state.save(home)

    assert ServeState.load(home) == state
    assert serve_status(home) == state
    end({sleeper})
    reap(sleeper)


def test_the_state_of_a_dead_process_is_cleaned_up(home: Home, sleeper: Process) -> None:
    state_of(sleeper, home).save(home)
    end({sleeper})

    assert serve_status(home) is None
    assert not (home.root / "serve.json").exists()


def test_what_a_killed_endpoint_left_behind_is_ended(home: Home) -> None:
    # given: a leader whose child ignores SIGTERM, and the leader is killed
    child = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('up', flush=True); time.sleep(60)\n"
    )
    parent = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}], stdout=subprocess.PIPE)\n"
        "child.stdout.readline(); print('up', flush=True); child.wait()\n"
    )
    log = home.logs / "serve.log"
    leader = start_background([sys.executable, "-c", parent], log=log, env=os.environ)
    state_of(leader, home).save(home)
    while not log.read_text():
        time.sleep(0.01)
    members = session_members(leader.pid)
    os.kill(leader.pid, signal.SIGKILL)
    wait_gone({leader}, 5.0)

    # when, then
    assert serve_status(home) is None
    assert len(members) == 2
    assert not any(member.alive for member in members)


def test_a_process_that_took_over_the_pid_is_left_alone(home: Home) -> None:
    ours = Process.of(os.getpid())
    assert ours is not None
    state_of(Process(ours.pid, ours.start_ticks - 1), home).save(home)

    assert serve_down(home) is None  # and this very test still runs


def test_a_state_file_that_cannot_be_read_counts_as_none(home: Home) -> None:
    home.root.mkdir()
    (home.root / "serve.json").write_text('{"pid": "1"')

    assert serve_status(home) is None


def test_down_ends_the_process_and_tells_what_ran(home: Home, sleeper: Process) -> None:
    state = state_of(sleeper, home)
    state.save(home)

    assert serve_down(home) == state
    assert not sleeper.alive
    assert serve_status(home) is None


def test_a_bundle_that_is_not_there_is_refused_before_anything_starts(home: Home) -> None:
    with pytest.raises(BundleError, match="no bundle at"):
        serve_up(home.bundles / "nothing", home=home)

    assert not home.root.exists()


def test_a_tampered_bundle_is_refused_before_anything_starts(
    home: Home, bundle: Path, tmp_path: Path
) -> None:
    tampered = tmp_path / bundle.name
    shutil.copytree(bundle, tampered)
    (tampered / "policy.onnx").write_bytes(b"another policy")

    with pytest.raises(BundleError, match=r"policy\.onnx is not the file that the manifest names"):
        serve_up(tampered, home=home)

    assert not home.root.exists()


def test_a_busy_port_is_refused_with_its_holder_and_another_port(home: Home, bundle: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(UsageError) as caught:
            serve_up(bundle, home=home, port=port)

    assert caught.value.what == f"port {port} is busy"
    assert f"(pid {os.getpid()}) listens on it" in caught.value.why
    assert caught.value.next_command == f"ploutos serve up --port {port + 1}"
    assert serve_status(home) is None


def test_the_same_bundle_again_is_a_success(home: Home, bundle: Path, sleeper: Process) -> None:
    state = state_of(sleeper, home, bundle.name)
    state.save(home)

    assert serve_up(bundle, home=home) == state
    serve_down(home)


def test_another_bundle_is_refused_while_one_is_served(
    home: Home, bundle: Path, sleeper: Process
) -> None:
    state_of(sleeper, home).save(home)

    with pytest.raises(LockedError, match="already being served") as caught:
        serve_up(bundle, home=home)

    assert caught.value.next_command == "ploutos serve down"
    assert sleeper.alive
    serve_down(home)


def test_status_removes_nothing_while_another_command_starts_one(
    home: Home, sleeper: Process
) -> None:
    # given: the file of an endpoint that was killed, and a command that has just begun to start one
    state_of(sleeper, home).save(home)
    end({sleeper})
    reap(sleeper)

    with locked(home.root / "serve.lock"):
        assert serve_status(home) is None
        assert (home.root / "serve.json").exists()

    assert serve_status(home) is None
    assert not (home.root / "serve.json").exists()


@pytest.fixture
def host(home: Home) -> Iterator[Process]:
    """A process that was started as the endpoint of this home is; its file was lost."""
    home.tokens.mkdir(parents=True)
    arguments = host_command(home.bundles / ("a" * 16), 8712, home.tokens / "serve")[3:]
    command = [sys.executable, "-c", "import time; time.sleep(60)", *arguments]
    process = start_background(command, log=home.logs / "serve.log", env=os.environ)
    yield process
    end({process})
    reap(process)


@pytest.mark.parametrize("noted", [None, '{"pid": "1"', "dead"])
def test_an_endpoint_whose_file_is_lost_is_found_and_ended(
    home: Home, host: Process, noted: str | None
) -> None:
    if noted == "dead":
        state_of(Process(host.pid, host.start_ticks - 1), home).save(home)
    elif noted:
        (home.root / "serve.json").write_text(noted)

    found = serve_status(home)

    assert found is not None
    assert (found.leader, found.url) == (host, "http://127.0.0.1:8712")
    assert (found.bundle_id, found.token_path) == ("a" * 16, home.tokens / "serve")
    assert serve_down(home) == found
    assert not host.alive
    assert serve_status(home) is None


def test_the_endpoint_of_another_home_is_not_ours(host: Process, tmp_path: Path) -> None:
    assert serve_status(Home(tmp_path / "other")) is None
    assert serve_down(Home(tmp_path / "other")) is None
    assert host.alive


def test_a_server_that_is_no_endpoint_is_not_ready(home: Home, sleeper: Process) -> None:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, format: str, *values: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        assert not is_ready(state_of(sleeper, home).model_copy(update={"url": url}))
        server.shutdown()
    end({sleeper})
    reap(sleeper)


def test_two_commands_at_once_are_refused(home: Home, bundle: Path) -> None:
    with locked(home.root / "serve.lock"):
        with pytest.raises(LockedError, match="is being started or ended"):
            serve_up(bundle, home=home)
        with pytest.raises(LockedError, match="is being started or ended"):
            serve_down(home)
