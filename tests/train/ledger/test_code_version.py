"""The digest of the code: what the files hold, not where they lie."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from places import ROOT
from train.ledger.code_version import code_digest, code_version


def version_of(root: Path) -> str:
    command = "from train.ledger.code_version import code_version; print(code_version())"
    run = subprocess.run(
        [sys.executable, "-c", command],
        cwd=root,
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.strip()


def test_it_names_the_package_and_twelve_digits() -> None:
    assert re.fullmatch(r"[0-9.]+\+[0-9a-f]{12}", code_version())


def test_a_move_of_a_file_changes_nothing_and_a_change_of_one_does(tmp_path: Path) -> None:
    # given: a tree with two files beside the one that counts
    for part in ("train/__init__.py", "train/ledger/__init__.py", "train/ledger/code_version.py"):
        (tmp_path / part).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / part, tmp_path / part)
    (tmp_path / "envs").mkdir()
    (tmp_path / "envs" / "a.py").write_text("A = 1\n")
    (tmp_path / "envs" / "b.py").write_text("B = 2\n")
    before = version_of(tmp_path)

    # when: one moves to another package, under another name
    (tmp_path / "envs" / "a.py").rename(tmp_path / "train" / "ledger" / "z.py")
    assert version_of(tmp_path) == before

    # and then: its content changes
    (tmp_path / "train" / "ledger" / "z.py").write_text("A = 2\n")
    assert version_of(tmp_path) != before


def test_neither_order_nor_borders_of_files_are_lost() -> None:
    assert code_digest([b"a", b"b"]) == code_digest([b"b", b"a"])
    assert code_digest([b"ab", b""]) != code_digest([b"a", b"b"])
    assert code_digest([b"a"]) != code_digest([b"a", b"a"])
