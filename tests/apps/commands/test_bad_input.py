"""Bad input ends in one message: what, why, the next command; exit code 1, 2 or 3."""

import os
import socket
import subprocess
from pathlib import Path

import polars as pl
import pytest

PRICES = {"open": 10.0, "high": 11.0, "low": 9.0, "close": 10.5, "volume": 1e5}


def write_bars(path: Path, **broken: dict[int, object]) -> Path:
    """Twenty good daily bars of one symbol, with values replaced: column -> {row: value}."""
    columns: dict[str, list[object]] = {
        "symbol": ["AAA"] * 20,
        "ts": [f"2025-03-{day:02} 14:30" for day in range(1, 21)],
        **{name: [value] * 20 for name, value in PRICES.items()},
    }
    for column, changes in broken.items():
        for row, value in changes.items():
            columns[column][row] = value
    pl.DataFrame(columns).write_csv(path)
    return path


BROKEN = {
    "NaN": ({"close": {3: float("nan")}}, "close"),
    "zero price": ({"open": {4: 0.0}}, "open is not positive"),
    "negative price": ({"low": {5: -1.0}}, "low is not positive"),
    "duplicate time": ({"ts": {6: "2025-03-06 14:30"}}, "same symbol and time"),
    "unsorted times": ({"ts": {7: "2025-02-01 14:30"}}, "not sorted"),
    "high below low": ({"high": {8: 8.0}}, "high is below low"),
}


def assert_one_message(outcome, code: int, *words: str) -> None:
    """The shape that every failure has."""
    lines = outcome.stderr.strip().splitlines()
    assert outcome.code == code, outcome
    assert sum(line.startswith("error: ") for line in lines) == 1
    assert sum(line.startswith("  next: ") for line in lines) == 1
    assert "Traceback" not in outcome.stderr + outcome.stdout
    for word in words:
        assert word in outcome.stderr


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("command", [("data", "import"), ("features", "check", "--bars")])
def test_a_broken_bar_is_named_with_its_symbol_and_row(case, command, ploutos, tmp_path):
    changes, reason = BROKEN[case]
    file = write_bars(tmp_path / "bars.csv", **changes)

    outcome = ploutos(*command, file)

    assert_one_message(outcome, 1, "AAA", reason, "ploutos data check")


@pytest.mark.parametrize("case", BROKEN)
def test_data_check_lists_every_defect_with_its_row(case, ploutos, tmp_path):
    changes, reason = BROKEN[case]
    file = write_bars(tmp_path / "bars.csv", **changes)

    outcome = ploutos("data", "check", file, "--json")

    defects = outcome.document["defects"]
    (rows,) = changes.values()
    assert outcome.code == 1
    assert outcome.document["bad"] == len(defects) >= 1
    assert set(rows) <= {defect["row"] for defect in defects}
    assert any(reason in defect["reason"] for defect in defects)


def test_drop_bad_keeps_the_good_bars(ploutos, tmp_path):
    file = write_bars(tmp_path / "bars.csv", open={4: 0.0}, high={8: 8.0})

    outcome = ploutos("data", "import", file, "--drop-bad", "--json")

    assert outcome.code == 0
    assert outcome.document["dropped"] == 2
    assert outcome.document["bars"] == 18


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("columns.csv", "symbol,ts,open\nAAA,2025-03-03,1\n", ("missing columns", "close")),
        ("empty.csv", "", ("empty",)),
        ("rows.csv", "symbol,ts,open,high,low,close,volume\n", ("no bars",)),
        ("torn.parquet", "PAR1 and no more", ("not a readable parquet",)),
        ("bars.xlsx", "x", ("suffix",)),
    ],
)
def test_a_file_that_is_no_bar_file_is_refused(name, content, words, ploutos, tmp_path):
    file = tmp_path / name
    file.write_text(content)

    assert_one_message(ploutos("data", "import", file), 1, name, *words)


def test_a_wrong_scenario_key_names_the_nearest(ploutos, tmp_path):
    scenario = tmp_path / "mine.yaml"
    scenario.write_text("training:\n  learning_rat: 0.001\n")

    outcome = ploutos("tune", "run", "--scenario", scenario)

    assert_one_message(outcome, 3, "learning_rat", "learning_rate")


def test_an_unknown_scenario_names_those_there_are(ploutos):
    assert_one_message(ploutos("tune", "run", "--scenario", "demmo"), 3, "demmo", "demo")


@pytest.mark.parametrize("damage", ["policy.onnx", "manifest.json", "extra"])
def test_a_tampered_bundle_is_refused(damage, ploutos, filled_home):
    (bundle,) = (filled_home / "bundles").iterdir()
    if damage == "extra":
        (bundle / "run.py").write_text("print()")
    else:
        data = bytearray((bundle / damage).read_bytes())
        data[len(data) // 2] ^= 1
        (bundle / damage).write_bytes(data)

    assert_one_message(ploutos("model", "verify"), 1, bundle.name)
    if damage != "manifest.json":
        assert_one_message(ploutos("trade", "replay", "--local"), 1, bundle.name)


def test_a_wrong_token_is_refused(ploutos, endpoint, tmp_path):
    token = tmp_path / "token"
    token.write_text("w" * 43)
    token.chmod(0o600)

    assert_one_message(ploutos("serve", "call", "--token-file", token), 3, "token", "401")


def test_a_token_that_others_can_read_is_a_matter_of_configuration(ploutos, endpoint, tmp_path):
    token = tmp_path / "token"
    token.write_text("w" * 43)
    token.chmod(0o644)

    assert_one_message(ploutos("serve", "call", "--token-file", token), 3, str(token), "0644")


@pytest.mark.parametrize("command", [("app", "open", "--no-browser"), ("serve", "up")])
def test_a_busy_port_is_named_with_another_one(command, ploutos, filled_home):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]

        outcome = ploutos(*command, "--port", port)

    assert_one_message(outcome, 2, f"port {port} is busy", f"--port {port + 1}")


@pytest.fixture
def tiny_disk(tmp_path: Path):
    """A file system of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system is not permitted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("command", ["simulate", "import"])
def test_a_full_disk_is_named(command, ploutos, tiny_disk, monkeypatch, tmp_path, bars):
    monkeypatch.setenv("PLOUTOS_HOME", str(tiny_disk / "home"))
    file = tmp_path / "bars.parquet"
    bars.with_columns(volume=pl.col("volume") * 1.000001).write_parquet(file)
    arguments = {"simulate": ["--sessions", "504"], "import": [file]}[command]
    (tiny_disk / "ballast").write_bytes(b"x" * 240_000)

    outcome = ploutos("data", command, *arguments)

    assert_one_message(outcome, 1, "cannot write", "the disk is full", "free some space")


def test_a_home_that_is_a_file_is_named(ploutos, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PLOUTOS_HOME", str(tmp_path / "file" / "home"))

    outcome = ploutos("data", "simulate", "--symbols", 2, "--sessions", 5)

    assert_one_message(outcome, 1, "PLOUTOS_HOME")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("env", "replay", "--golden", "missing.npz"), ("missing.npz", "ls .")),
        (("env", "replay"), ("--golden", "ploutos env replay --help")),
        (("data", "simulate", "--interval", "7m"), ("7m",)),
        (("data", "simulate", "--symbols", "many"), ("--symbols",)),
        (("trade", "status"), ("no session yet", "ploutos trade replay")),
        (("trade", "replay", "--from", "yesterday"), ("--from",)),
        (("tune", "resume", "nothing"), ("nothing", "ploutos tune list")),
        (("tune", "show", "nothing"), ("nothing", "ploutos tune list")),
        (("serve", "call"), ("nothing is being served", "ploutos serve up")),
        (("job", "status", "x", "--address", "localhost"), ("localhost", "--address")),
        (("report", "open", "--no-browser"), ("no HTML report", "ploutos report list")),
        (("serve", "call", "--request", "none.json"), ("next: ",)),
        (("data", "simulate", "--seed", "-1"), ("--seed", "ploutos data simulate --help")),
        (("backtest", "run", "--seed", "-1"), ("--seed",)),
        (("diagnose", "timing", "--seed", "4294967296"), ("--seed",)),
        (("trade", "replay", "--seed", "-1"), ("--seed",)),
        (("data", "simulate", "--edge", "nan"), ("--edge", "finite")),
        (("universe", "scan", "--as-of", "2023-06-30", "--risk-free-rate", "-inf"), ("finite",)),
        (("data", "check", "\udcff.csv"), ("UTF-8",)),
    ],
    ids=" ".join,
)
def test_a_wrong_call_is_exit_code_2(command, words, ploutos):
    outcome = ploutos(*command)

    assert_one_message(outcome, 2, *words)


def test_sql_that_writes_is_refused(ploutos, filled_home):
    assert_one_message(ploutos("data", "sql", "drop table bars"), 2, "SELECT")


def test_an_env_file_in_another_encoding_is_one_message(ploutos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_bytes("# Schlüssel\nX=1\n".encode("latin-1"))

    assert_one_message(ploutos("data", "status"), 3, ".env is not UTF-8", "line 1")
    assert_one_message(ploutos("doctor"), 3, ".env is not UTF-8")


def test_no_bundle_at_all(ploutos):
    assert_one_message(ploutos("model", "verify"), 1, "no bundle", "ploutos demo")


def test_a_golden_file_that_is_none(ploutos, tmp_path):
    file = tmp_path / "golden.npz"
    file.write_bytes(b"PK\x03\x04 torn")

    assert_one_message(ploutos("env", "replay", "--golden", file), 1, "golden.npz")
