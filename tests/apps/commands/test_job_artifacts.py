import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from places import ROOT


def ploutos(*arguments: str, **variables: str) -> tuple[int, dict[str, Any]]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PLOUTOS_")}
    command = [sys.executable, "-m", "apps.cli", "job", *arguments, "--json"]
    done = subprocess.run(
        command, env=clean | variables, cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.returncode, json.loads(done.stdout)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with a whole bundle by its names, a half one, and two trials of one problem."""
    names = ("bundles/aa/manifest.json", "bundles/aa/policy.onnx", "bundles/bb/policy.onnx")
    for name in (*names, "ledger/0123/a.parquet", "ledger/0123/b.parquet"):
        path = tmp_path / "store" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"{}")
    return tmp_path / "store"


def test_a_store_is_listed_by_option_or_variable(store: Path) -> None:
    wanted = {"artifacts": str(store), "bundles": ["aa"], "problems": ["0123"]}

    assert ploutos("artifacts", "--artifacts", f"file://{store}") == (0, wanted)
    assert ploutos("artifacts", PLOUTOS_ARTIFACTS=str(store)) == (0, wanted)


def test_without_a_store_the_command_says_how_to_name_one() -> None:
    code, document = ploutos("artifacts")

    assert code == 2
    assert document["error"]["next"] == "give --artifacts URL, or set PLOUTOS_ARTIFACTS"


@pytest.mark.parametrize(("bundle", "code"), [("bb", 2), ("aa", 1), ("../ledger", 2)])
def test_a_bundle_that_is_not_whole_is_not_fetched(
    store: Path, tmp_path: Path, bundle: str, code: int
) -> None:
    found, document = ploutos(
        "fetch", bundle, "--artifacts", str(store), PLOUTOS_HOME=str(tmp_path / "home")
    )

    assert found == code
    assert document["error"]["kind"] == {1: "BundleError", 2: "UsageError"}[code]
    assert not list((tmp_path / "home").rglob("policy.onnx"))
