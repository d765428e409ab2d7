"""Compiled code has a place of its own where the code's folder is read-only."""

import os
import stat
from pathlib import Path

import pytest

from cluster.entry import compiled_code
from cluster.entry.compiled_code import VARIABLE, compiled_code_folder, place_compiled_code


@pytest.fixture(autouse=True)
def read_only_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Code in a folder that is not ours to write, and a home that is; nothing set."""
    monkeypatch.setenv(VARIABLE, "x")  # so that what we set is undone
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("PLOUTOS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(compiled_code, "_COMPILED", (Path("/proc/self"),))
    return tmp_path


def test_it_is_the_homes_cache(read_only_code: Path) -> None:
    place_compiled_code()

    assert os.environ[VARIABLE] == compiled_code_folder() == f"{read_only_code}/home/cache/numba"
    assert not (read_only_code / "home").exists()  # made when numba needs it


def test_it_is_a_private_temporary_folder_where_the_home_is_read_only(
    read_only_code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLOUTOS_HOME", "/proc/self/home")

    place_compiled_code()

    folder = Path(os.environ[VARIABLE])
    assert folder == read_only_code / f"ploutos-numba-{os.getuid()}"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("trap", ["writable by all", "a link"])
def test_a_folder_that_others_could_fill_is_not_taken(
    trap: str, read_only_code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLOUTOS_HOME", "/proc/self/home")
    folder = read_only_code / f"ploutos-numba-{os.getuid()}"
    if trap == "a link":
        (read_only_code / "elsewhere").mkdir(mode=0o700)
        folder.symlink_to("elsewhere")
    else:
        folder.mkdir()
        folder.chmod(0o777)

    place_compiled_code()

    assert os.environ[VARIABLE].startswith(f"{read_only_code}/ploutos-numba-")
    assert Path(os.environ[VARIABLE]) != folder


def test_what_the_user_has_set_and_writable_code_stay(
    read_only_code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "/var/cache/mine")
    place_compiled_code()
    assert os.environ[VARIABLE] == "/var/cache/mine"

    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.setattr(compiled_code, "_COMPILED", (read_only_code,))
    place_compiled_code()
    assert compiled_code_folder() == "beside the code"
