"""Files written by pyarrow, as Ray writes them: whole, or as they were before."""

import errno
import os
import pickle
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.fs
import pytest

from cluster.atomic_filesystem import PARTIAL, atomic_storage, remove_partial


@pytest.fixture
def storage() -> Any:
    return atomic_storage()


def test_a_folder_is_copied_as_it_is(storage: Any, tmp_path: Path) -> None:
    source = tmp_path / "staging"
    (source / "deep").mkdir(parents=True)
    (source / "state.json").write_bytes(b"{}")
    (source / "deep" / "net.pt").write_bytes(os.urandom(3_000_000))

    pyarrow.fs.copy_files(
        str(source), str(tmp_path / "home" / "sweep"), destination_filesystem=storage
    )

    copied = tmp_path / "home" / "sweep"
    assert {path.relative_to(copied) for path in copied.rglob("*")} == {
        path.relative_to(source) for path in source.rglob("*")
    }
    assert (copied / "deep" / "net.pt").read_bytes() == (source / "deep" / "net.pt").read_bytes()
    assert (copied / "state.json").stat().st_mode & 0o777 == 0o644


def test_the_old_file_stays_until_the_new_one_is_closed(storage: Any, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(b"old")

    with storage.open_output_stream(str(path)) as stream:
        stream.write(b"new and longer")
        stream.flush()
        assert path.read_bytes() == b"old"

    assert path.read_bytes() == b"new and longer"
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]


@pytest.fixture
def small_files() -> Iterator[int]:
    """No file of this process may get longer than this, as if the disk were full."""
    limit = 100_000
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_write_that_fails_leaves_the_old_file(
    storage: Any, tmp_path: Path, small_files: int
) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(b"old")

    with (
        pytest.raises(OSError, match="too large") as failure,
        storage.open_output_stream(str(path)) as stream,
    ):
        stream.write(b"x" * (small_files + 1))

    assert failure.value.errno == errno.EFBIG
    assert path.read_bytes() == b"old"
    assert not list(tmp_path.glob(f".*{PARTIAL}"))


def test_it_travels_by_pickle(storage: Any, tmp_path: Path) -> None:
    other = pickle.loads(pickle.dumps(storage))

    with other.open_output_stream(str(tmp_path / "a")) as stream:
        stream.write(b"1")

    assert (tmp_path / "a").read_bytes() == b"1"


WRITER = """
import sys
from cluster.atomic_filesystem import atomic_storage
storage, number = atomic_storage(), 0
print("writing", flush=True)
while True:
    number += 1
    with storage.open_output_stream(sys.argv[1]) as stream:
        for _ in range(50):
            stream.write(str(number).zfill(8).encode() * 1000)
"""


def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    """Ten writers of 400 kB, one after the other, each killed at another moment of a write."""
    path = tmp_path / "state.json"
    for attempt in range(10):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        writer.stdout.readline()
        while not path.exists():
            time.sleep(0.001)
        time.sleep(0.0137 * attempt)
        writer.kill()
        writer.communicate()

        whole = path.read_bytes()
        assert len(whole) == 400_000
        assert len(set(whole[start : start + 8] for start in range(0, 400_000, 8))) == 1
    remove_partial(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]
