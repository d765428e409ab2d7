import errno
import hashlib
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cluster.errors import PloutosError
from cluster.files import canonical_json, sha256_of, storage_errors, write_atomic

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(
    deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.binary(max_size=4096))
def test_what_is_written_is_what_is_read(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "deep" / "file.bin"

    write_atomic(path, data)

    assert path.read_bytes() == data
    assert sha256_of(path) == hashlib.sha256(data).hexdigest()
    assert [entry.name for entry in path.parent.iterdir()] == ["file.bin"]


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_the_file_has_the_asked_mode_whatever_the_umask(tmp_path: Path, mode: int) -> None:
    previous = os.umask(0o077)
    try:
        write_atomic(tmp_path / "file", b"x", mode=mode)
    finally:
        os.umask(previous)

    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode


def test_a_file_that_grows_too_big_leaves_the_old_one_and_one_message(tmp_path: Path) -> None:
    # given: a process that may write 4096 bytes a file
    path = tmp_path / "state.json"
    path.write_bytes(b"old")
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from cluster.errors import PloutosError; from cluster.files import write_atomic\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try: write_atomic(Path(sys.argv[1]), b'x' * 10_000)\n"
        "except PloutosError as error: print(error); sys.exit(error.exit_code)\n"
    )

    # when
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False
    )

    # then
    assert done.returncode == 1, done.stderr
    assert f"cannot write {path}: the file size limit is reached" in done.stdout
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]


def test_a_full_disk_is_one_message_with_a_next_command() -> None:
    full = Path("/dev/full")

    with pytest.raises(PloutosError) as caught, storage_errors(full), full.open("wb", 0) as file:
        file.write(b"x")

    assert caught.value.why == "the disk is full"
    assert caught.value.next_command.startswith("free some space")


@pytest.mark.parametrize(
    ("number", "why"),
    [
        (errno.EDQUOT, "the disk quota is used up"),
        (errno.EROFS, "the file system is read-only"),
        (errno.EACCES, "permission denied"),
    ],
)
def test_a_disk_that_refuses_is_named(number: int, why: str) -> None:
    with pytest.raises(PloutosError, match=why), storage_errors(Path("lake")):
        raise OSError(number, os.strerror(number))


def test_a_home_that_is_a_file_is_one_message(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("")

    with pytest.raises(PloutosError, match="a part of the path is a file"):
        write_atomic(home / "state.json", b"x")


def test_a_folder_in_the_place_of_the_file_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "state.json").mkdir()

    with pytest.raises(PloutosError, match="it is a folder"):
        write_atomic(tmp_path / "state.json", b"x")

    assert len(list(tmp_path.iterdir())) == 1


def test_an_error_that_is_not_of_the_disk_stays_as_it_is() -> None:
    with pytest.raises(ConnectionResetError), storage_errors(Path("x")):
        raise ConnectionResetError(errno.ECONNRESET, "reset")


@settings(deadline=None, max_examples=50)
@given(value=st.dictionaries(st.text(), json_values, max_size=5))
def test_canonical_json_does_not_depend_on_the_order_of_keys(value: dict[str, object]) -> None:
    turned = dict(reversed(value.items()))

    assert canonical_json(turned) == canonical_json(value)


def test_canonical_json_is_short_sorted_utf8() -> None:
    assert canonical_json({"b": [1, 2.5], "a": "é"}) == '{"a":"é","b":[1,2.5]}'.encode()


def test_canonical_json_refuses_nan() -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"equity": float("nan")})
