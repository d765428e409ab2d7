"""SIGKILL to each kind of process of a running sweep: the same steps are taken in the end."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cluster.processes import descendants

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

Storm = Callable[..., Any]


def pids_of(driver: int, words: bytes) -> list[int]:
    """The driver's processes whose command line has these words."""
    found = []
    for process in descendants(driver):
        try:
            if words in Path(f"/proc/{process.pid}/cmdline").read_bytes():
                found.append(process.pid)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def test_a_trials_worker(storm: Storm) -> None:
    sweep = storm()
    driver = sweep.start()
    sweep.until_progress(driver, 2)

    os.kill(pids_of(driver.pid, b"ImplicitFunc")[0], signal.SIGKILL)

    sweep.check_whole(sweep.result(driver))


def test_the_driver(storm: Storm) -> None:
    sweep = storm()
    driver = sweep.start()
    sweep.until_progress(driver, 3)

    driver.kill()
    driver.wait()

    note = sweep.home.sweeps / "storm" / "RESUME.txt"
    assert note.read_text() == "ploutos tune resume storm\n"
    sweep.check_whole(sweep.resume())


def test_the_driver_again_and_again(storm: Storm) -> None:
    """Each driver gets somewhere, so at most one checkpoint interval is lost with it."""
    sweep = storm()
    driver = sweep.start(trials=2)
    for _ in range(3):
        sweep.until_progress(driver, 2)
        driver.kill()
        driver.wait()
        driver = sweep._drive("--resume", "storm")

    sweep.check_whole(sweep.result(driver))


def test_the_head(storm: Storm) -> None:
    """The driver of a dead head ends by itself after Ray's patience, and the sweep goes on."""
    sweep = storm(RAY_gcs_rpc_server_reconnect_timeout_s="5")
    driver = sweep.start()
    sweep.until_progress(driver, 2)

    os.kill(pids_of(driver.pid, b"gcs_server")[0], signal.SIGKILL)
    deadline = time.monotonic() + 120
    while driver.poll() is None and time.monotonic() < deadline:
        time.sleep(0.5)

    assert driver.poll() not in (None, 0)
    sweep.check_whole(sweep.resume())


def test_ctrl_c_tells_how_to_go_on(storm: Storm) -> None:
    sweep = storm()
    driver = sweep.start()
    sweep.until_progress(driver, 3)

    driver.send_signal(signal.SIGINT)
    _, complaint = driver.communicate(timeout=100)

    assert driver.returncode == 130, complaint
    assert "ploutos tune resume storm" in complaint
    assert "Traceback" not in complaint
    sweep.check_whole(sweep.resume())
