"""What each noun does when all is well, through the command line."""

import json

import numpy as np
import polars as pl
import pytest

from cluster.settings import Home
from features import read_bars
from places import SHARED
from trade.journal.journal import read_journal

GOLDEN = SHARED / "golden" / "v6_sparse.npz"


def test_shuffled_bars_keep_their_keys_and_can_be_read_again(ploutos, tmp_path):
    file, dealt = tmp_path / "bars.parquet", tmp_path / "dealt.csv"
    ploutos("data", "simulate", "--symbols", 2, "--sessions", 20, "--interval", "1d", "--out", file)

    outcome = ploutos("data", "shuffle", file, "--out", dealt, "--seed", 4, "--json")

    assert outcome.code == 0
    assert (outcome.document["seed"], outcome.document["written"]) == (4, str(dealt))
    was, now = read_bars(file).frame, read_bars(dealt).frame
    assert now.select("symbol", "ts").equals(was.select("symbol", "ts"))
    assert not now["close"].equals(was["close"])


def test_simulate_import_status_and_sql_agree(ploutos, tmp_path):
    file = tmp_path / "bars.parquet"
    made = ploutos(
        *("data", "simulate", "--symbols", 3, "--sessions", 8, "--out", file, "--json")
    ).document

    imported = ploutos("data", "import", file, "--source", "mine", "--json").document
    status = ploutos("data", "status", "--json").document["lake"]
    rows = ploutos("data", "sql", "select count(*) n from bars", "--json").document["rows"]

    assert made["label"] == "SIMULATED"
    assert imported["bars"] == made["bars"] == status[0]["bars"] == rows[0]["n"]
    assert imported["symbols"] == 3
    assert status[0]["source"] == "mine"


def test_the_same_seed_makes_the_same_bars(ploutos, tmp_path):
    for name in ("a.csv", "b.csv"):
        arguments = ("--symbols", 2, "--sessions", 4, "--seed", 5, "--out", tmp_path / name)
        assert ploutos("data", "simulate", *arguments).code == 0

    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_a_good_file_has_no_defects(ploutos, tmp_path, bars):
    file = tmp_path / "bars.parquet"
    bars.write_parquet(file)

    outcome = ploutos("data", "check", file, "--json")

    assert outcome.code == 0
    document = outcome.document
    assert (document["bars"], document["bad"], document["defects"]) == (bars.height, 0, [])
    assert document["verdict"] == "OK"


def test_features_show_names_every_column(ploutos):
    document = ploutos("features", "show", "--json").document

    assert len(document["columns"]) >= 60
    assert len(document["fingerprint"]) == 64


def test_features_check_finds_nothing_on_honest_features(ploutos, tmp_path, bars):
    file = tmp_path / "bars.parquet"
    bars.write_parquet(file)

    document = ploutos("features", "check", "--bars", file, "--cuts", 2, "--json").document

    assert document["probes"] > 0
    assert document["violations"] == []


def test_env_replay_matches_a_golden_file_and_writes_its_columns(ploutos, tmp_path):
    if not GOLDEN.exists():
        pytest.skip(f"no golden files at {GOLDEN.parent}")
    out = tmp_path / "steps.npz"

    outcome = ploutos("env", "replay", "--golden", GOLDEN, "--out", out, "--json")

    golden = np.load(GOLDEN)
    assert outcome.code == 0
    assert outcome.document["matches"] is True
    assert list(outcome.document["errors"]) == golden["columns"].tolist()
    np.testing.assert_allclose(np.load(out)["steps"], golden["steps"], rtol=1e-6, atol=1e-6)


def test_env_replay_fails_on_a_golden_file_that_differs(ploutos, tmp_path):
    if not GOLDEN.exists():
        pytest.skip(f"no golden files at {GOLDEN.parent}")
    golden = dict(np.load(GOLDEN))
    golden["steps"][7, 2] *= 1.001
    np.savez(tmp_path / "other.npz", **golden)

    outcome = ploutos("env", "replay", "--golden", tmp_path / "other.npz", "--json")

    assert outcome.code == 1
    assert outcome.document["errors"]["equity"] == pytest.approx(1e-3, rel=0.01)


def test_models_are_listed_shown_and_verified(ploutos, filled_home):
    (listed,) = ploutos("model", "list", "--json").document["bundles"]
    shown = ploutos("model", "show", listed["bundle"][:6], "--json").document
    verified = ploutos("model", "verify", "--json")

    assert listed["verdict"] == "NOT BETTER"
    assert shown["verdict"]["sharpe"] == 0.42
    assert shown["data"]["label"] == "SIMULATED"
    assert verified.code == 0
    assert verified.document["bundle"] == listed["bundle"]


def test_a_negative_verdict_is_exit_code_6_when_a_better_one_is_required(ploutos, filled_home):
    outcome = ploutos("model", "verify", "--require-better", "--json")

    assert outcome.code == 6
    assert outcome.document["verdict"] == "NOT BETTER"
    assert outcome.document["reasons"] == ["deflated Sharpe 0.38 is below 0.95"]


def test_a_replay_over_http_equals_one_in_this_process(ploutos, endpoint, filled_home, bars):
    span = ("--from", "2016-03-24", "--to", "2016-03-30")

    over_http = ploutos("trade", "replay", *span, "--session", "http", "--json")
    local = ploutos("trade", "replay", *span, "--session", "local", "--local", "--json")

    assert over_http.code == local.code == 0
    assert over_http.document["policy_failures"] == 0
    assert over_http.document["risk_breaches"] == 0
    for key in ("decisions", "orders", "fills", "denials", "final_equity"):
        assert over_http.document[key] == local.document[key]
    assert over_http.stderr.count("equity") == over_http.document["sessions"]


def test_a_replay_that_ends_halted_is_exit_code_5(ploutos, filled_home):
    # given: a breaker that any loss trips, and days of which the last one lost
    limits = ("--limit", "daily_loss=0.0000001", "--from", "2016-01-04", "--session", "halted")

    outcome = ploutos("trade", "replay", "--local", *limits, "--json")

    assert outcome.code == 5
    assert outcome.document["halted"] == "DAILY_LOSS"
    assert "session halted ended halted: the loss breaker" in outcome.stderr
    assert ploutos("trade", "status", "--session", "halted").code == 0


def test_a_session_without_limits_says_so(ploutos, filled_home):
    assert ploutos("trade", "status", "--json").document["switched_off"] == ""
    ploutos("trade", "replay", "--local", "--no-risk", "--from", "2016-03-30", "--session", "free")

    status = ploutos("trade", "status", "--session", "free", "--json").document

    assert status["switched_off"] == "risk gate, stop-loss and take-profit"


def test_a_session_is_written_once(ploutos, filled_home):
    again = ploutos("trade", "replay", "--local", "--from", "2016-03-30", "--session", "demo")

    assert again.code == 2
    assert "--resume" in again.stderr


def test_status_positions_and_orders_tell_the_journal(ploutos, filled_home):
    records = read_journal(Home(filled_home).journal / "demo.jsonl")

    status = ploutos("trade", "status", "--json").document
    positions = ploutos("trade", "positions", "--json").document["positions"]
    orders = ploutos("trade", "orders", "--limit", 5, "--json").document["orders"]

    assert status["equity"] == records[-1].event.payload()["equity"]
    assert status["state"] == "ENDED"
    assert status["fills"] == sum(record.kind == "fill" for record in records)
    assert sum(row["value"] for row in positions) == pytest.approx(
        status["equity"] - status["cash"]
    )
    assert len(orders) == 5


def test_one_call_to_the_endpoint(ploutos, endpoint):
    document = ploutos("serve", "call", "--json").document

    assert len(document["actions"]) == len(document["symbols"]) == 4
    assert all(sum(odds) == pytest.approx(1.0, abs=1e-5) for odds in document["probabilities"])


def test_a_call_with_a_request_of_its_own(ploutos, endpoint, tmp_path):
    from apps.cli.endpoint import connected_client, neutral_request

    with connected_client() as client:
        request = neutral_request(client.model())
    file = tmp_path / "request.json"
    file.write_text(request.model_dump_json())

    document = ploutos("serve", "call", "--request", file, "--json").document

    assert document["decision_id"] == request.decision_id


def test_nothing_is_being_served_in_a_new_home(ploutos):
    status = ploutos("serve", "status", "--json")
    down = ploutos("serve", "down", "--json")

    assert (status.code, status.document) == (1, {"serving": False})
    assert (down.code, down.document) == (0, {"ended": None})


def test_reports_are_listed_newest_first_and_opened(ploutos, home_root):
    folder = home_root / "reports"
    folder.mkdir(parents=True)
    (folder / "a.html").write_text("<p>a</p>")
    (folder / "b.json").write_text("{}")

    listed = ploutos("report", "list", "--json").document["reports"]
    opened = ploutos("report", "open", "--no-browser", "--json").document

    assert {row["report"] for row in listed} == {"a.html", "b.json"}
    assert opened["report"] == str(folder / "a.html")


def test_benchmarks_have_their_keys(ploutos):
    env = ploutos("bench", "env", "--num-envs", 16, "--seconds", 0.1, "--json").document
    features = ploutos("bench", "features", "--symbols", 2, "--bars", 600, "--json").document

    assert {"compact_steps_per_s", "full_steps_per_s", "scalar_steps_per_s", "ratio"} <= set(env)
    assert env["compact_steps_per_s"] > 0
    assert features["rows"] == 1200
    assert features["features_s"] > 0


@pytest.mark.parametrize(
    "command",
    [
        ("data", "status"),
        ("model", "list"),
        ("model", "show"),
        ("trade", "status"),
        ("trade", "positions"),
        ("trade", "orders"),
        ("features", "show"),
        ("tune", "list"),
        ("report", "list"),
        ("version",),
    ],
    ids=" ".join,
)
def test_a_reader_gets_text_and_a_program_the_same_as_json(command, ploutos, filled_home):
    text = ploutos(*command)
    document = ploutos(*command, "--json")

    assert text.code == document.code == 0
    assert text.stdout.strip()
    assert not text.stdout.startswith("{")
    assert isinstance(json.loads(document.stdout), dict)


def test_sql_prints_rows_for_a_reader(ploutos, filled_home, bars: pl.DataFrame):
    printed = ploutos("data", "sql", "select symbol, count(*) n from bars group by 1", "--limit", 2)

    assert f"{bars.height // 4}" in printed.stdout
    assert "2 rows more" in printed.stdout
