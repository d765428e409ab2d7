import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.errors import ConfigError, PloutosError
from cluster.processes import Process, descendants, wait_gone
from cluster.ray_runtime import attached_ray
from cluster.servers import free_port
from places import ROOT

WORK = """
import os, sys
from cluster.ray_runtime import attached_ray
with attached_ray(num_cpus=1) as session:
    import ray
    look = ray.remote(lambda: (os.environ["OMP_NUM_THREADS"], os.environ["RAY_AUTH_MODE"]))
    threads, mode = ray.get(look.remote())
    with attached_ray() as inner:
        nested = not inner.owned and inner.address == session.address
    print(session.owned, threads, mode, nested, int(ray.cluster_resources()["CPU"]), flush=True)
    if len(sys.argv) > 1:
        ray.get(ray.remote(lambda: __import__("time").sleep(600)).remote())
"""


@pytest.fixture
def place(tmp_path: Path) -> dict[str, str]:
    """Variables of a user who never ran Ray: an empty home folder, no RAY_*."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return clean | {"HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}


def folders_of(pid: int) -> list[Path]:
    return list(Path("/tmp").glob(f"ploutos-{pid}-*"))


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_private_ray_is_quiet_guarded_and_leaves_nothing(
    place: dict[str, str], tmp_path: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WORK], env=place, stdout=-1, stderr=-1, text=True
    ) as driver:
        out, err = driver.communicate()

    assert out == "True 1 token True 1\n", err
    assert err == ""
    assert list(tmp_path.iterdir()) == []  # no ~/.ray with a token that others can read
    assert folders_of(driver.pid) == []


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_neither_its_guard_nor_its_workers_take_what_lies_around(
    place: dict[str, str], tmp_path: Path
) -> None:
    # given: a folder with a package named as ours, and variables that would open a Ray to all
    (tmp_path / "cluster.py").write_text("")
    open_to_all = {"RAY_AUTH_MODE": "disabled", "RAY_AUTH_TOKEN_PATH": "/no/such/token"}
    work = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n" + WORK.replace(
        'os.environ["OMP_NUM_THREADS"]', '__import__("cluster.errors").__name__'
    )

    # when
    done = subprocess.run(
        [sys.executable, "-c", work + "print(os.environ['RAY_AUTH_MODE'])"],
        env=place | open_to_all | {"PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    # then
    assert done.stdout == "True cluster token True 1\ndisabled\n", done.stderr


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_driver_ends_its_ray(place: dict[str, str], number: signal.Signals) -> None:
    # given: a driver that waits for a task
    with subprocess.Popen(
        [sys.executable, "-c", WORK, "wait"], env=place, stdout=-1, stderr=subprocess.DEVNULL
    ) as driver:
        assert driver.stdout is not None
        driver.stdout.readline()
        servers = descendants(driver.pid)
        assert len(servers) > 3

        # when
        driver.send_signal(number)
        driver.wait(60)

    # then
    assert driver.returncode == -signal.SIGINT  # of an uncaught KeyboardInterrupt
    assert wait_gone(servers, 0.5) == set()
    assert folders_of(driver.pid) == []


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_after_a_killed_driver_the_next_one_starts_and_cleans_up(place: dict[str, str]) -> None:
    # given: a driver that could not clean up
    with subprocess.Popen(
        [sys.executable, "-c", WORK, "wait"], env=place, stdout=-1, stderr=subprocess.DEVNULL
    ) as first:
        assert first.stdout is not None
        first.stdout.readline()
        left = descendants(first.pid)
        first.kill()
    assert len(folders_of(first.pid)) == 1

    # when
    second = subprocess.run(
        [sys.executable, "-c", WORK], env=place, capture_output=True, text=True, check=False
    )

    # then
    assert second.stdout == "True 1 token True 1\n", second.stderr
    assert folders_of(first.pid) == []
    for process in left:  # Ray ends them by itself, some only after half a minute
        if process.alive:
            os.kill(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_dashboard_is_no_cluster_address(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("RAY_ADDRESS", f"{scheme}://127.0.0.1:8265")

    with pytest.raises(ConfigError, match="takes jobs but no drivers") as caught, attached_ray():
        pass

    assert "ray job submit" in caught.value.next_command


@pytest.mark.parametrize("address", ["myhead", "myhead:", ":6379", "h:0", "h:65536", "ray://h"])
def test_what_is_no_address_of_a_cluster_is_refused(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", address)

    with pytest.raises(ConfigError, match="host:port, or auto") as caught, attached_ray():
        pass

    assert address in caught.value.what


def test_a_cluster_that_is_not_there_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("RAY_ADDRESS", address)
    before = descendants(os.getpid())

    with pytest.raises(PloutosError, match="Connection refused") as caught, attached_ray():
        pass

    assert address in caught.value.what
    assert "unset RAY_ADDRESS" in caught.value.next_command
    assert {process for process in descendants(os.getpid()) - before if process.alive} == set()
    assert Process.of(os.getpid()) is not None
