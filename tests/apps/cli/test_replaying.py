"""Which bundle, which bars and who decides, when a replay is asked for."""

import os
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from apps.cli.endpoint import connected_client, neutral_request
from apps.cli.readers import bundle_cards, find_bundle, journal_paths
from cluster.errors import BundleError, ConfigError, UsageError
from cluster.settings import Home
from features import Lake
from trade.journal.journal import read_journal
from train.bundle.bundle import read_manifest
from train.bundle.stages import Decision, bundle_to_serve, enter
from train.ledger.ledger import TrialLedger

NOW = datetime(2026, 11, 28, tzinfo=UTC)

LOCAL = ("trade", "replay", "--local", "--from", "2016-03-24", "--json")


def test_bars_of_two_sources_are_never_mixed(ploutos, filled_home, bars):
    for source in ("file", "yahoo"):
        Lake(filled_home / "lake").write(bars, interval="1h", source=source)

    mixed = ploutos(*LOCAL)
    chosen = ploutos(*LOCAL, "--source", "file")

    assert mixed.code == 2
    assert "file, yahoo" in mixed.document["error"]["what"]
    assert "--source" in mixed.document["error"]["next"]
    assert chosen.code == 0


def test_bars_may_come_from_a_file(ploutos, filled_home, bars, tmp_path):
    file = tmp_path / "bars.parquet"
    bars.write_parquet(file)

    from_file = ploutos(*LOCAL, "--bars", file, "--session", "a").document
    from_lake = ploutos(*LOCAL, "--session", "b").document

    assert from_file["final_equity"] == from_lake["final_equity"]


def test_bars_of_other_symbols_are_refused(ploutos, filled_home, bars, tmp_path):
    file = tmp_path / "bars.parquet"
    bars.with_columns(symbol=pl.lit("X") + pl.col("symbol")).write_parquet(file)

    outcome = ploutos(*LOCAL, "--bars", file)

    assert outcome.code == 1
    assert "SIM" in outcome.document["error"]["what"] + outcome.document["error"]["why"]


def test_a_window_without_bars_is_refused(ploutos, filled_home):
    outcome = ploutos("trade", "replay", "--local", "--from", "2031-01-01", "--json")

    assert outcome.code == 1
    assert "--from" in outcome.document["error"]["next"]


def test_without_the_risk_gate_nothing_is_denied_by_it(ploutos, filled_home):
    gated = ploutos(*LOCAL, "--session", "gated").document
    free = ploutos(*LOCAL, "--session", "free", "--no-risk").document

    assert "MAX_POSITION" in gated["denials"]
    assert "MAX_POSITION" not in free["denials"]
    opening = read_journal(filled_home / "journal" / "free.jsonl")[0].event.payload()
    assert opening["limits"] is None
    assert opening["protection"] is None


def test_a_cut_session_resumes_to_the_same_end(ploutos, filled_home):
    whole = ploutos(*LOCAL, "--session", "whole").document
    ploutos(*LOCAL, "--session", "cut")
    journal = filled_home / "journal" / "cut.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[: len(lines) // 2]) + lines[len(lines) // 2][:30])

    resumed = ploutos(*LOCAL, "--session", "cut", "--resume").document

    for key in ("orders", "fills", "denials", "final_equity", "risk_breaches"):
        assert resumed[key] == whole[key]


def test_a_replay_without_an_endpoint_names_the_command_that_starts_one(ploutos, filled_home):
    outcome = ploutos("trade", "replay", "--json")

    assert outcome.code == 2
    assert outcome.document["error"]["next"] == "ploutos serve up"
    assert len(journal_paths(Home(filled_home))) == 1


def test_a_replay_through_another_bundle_is_refused(ploutos, endpoint, filled_home, bars):
    from train.bundle.bundle import read_manifest, save_bundle
    from train.bundle.manifest import ManifestFields

    (served,) = Home(filled_home).bundles.iterdir()
    values = read_manifest(served).model_dump(exclude={"bundle_id", "files", "schema_version"})
    stated = ManifestFields.model_validate(values | {"scenario": "other"})
    other = save_bundle(served.parent, (served / "policy.onnx").read_bytes(), None, stated)

    outcome = ploutos("trade", "replay", "--bundle", other.name, "--json")

    assert outcome.code == 1
    assert served.name in outcome.document["error"]["why"]


def test_a_prefix_of_two_bundles_is_ambiguous_and_drafts_are_no_bundles(filled_home):
    place = Home(filled_home)
    (bundle,) = place.bundles.iterdir()
    (place.bundles / f"{bundle.name[:3]}fff").mkdir()
    (place.bundles / f"{bundle.name[:3]}fff" / "manifest.json").write_text("{}")
    (place.bundles / ".draft-1").mkdir()
    (place.bundles / ".draft-1" / "manifest.json").write_text("{}")

    cards = bundle_cards(place)

    assert sorted(card.badge for card in cards) == ["DAMAGED", "NOT BETTER"]
    with pytest.raises(BundleError, match="names 2 bundles"):
        find_bundle(place, bundle.name[:3])


def test_a_neutral_request_fits_the_bundle(endpoint):
    with connected_client() as client:
        request = neutral_request(client.model(), balance=5_000.0)
        answer = client.act(request)

    assert request.account.equity == 5_000.0
    assert len(request.features) == len(request.symbols) == len(answer.actions)
    assert answer.decision_id == request.decision_id


def test_a_lost_token_is_a_matter_of_configuration(endpoint, filled_home):
    (filled_home / "tokens" / "serve").unlink()

    with pytest.raises(ConfigError, match="cannot read the token"):
        connected_client()


def test_nothing_served_is_a_matter_of_usage(filled_home):
    with pytest.raises(UsageError, match="nothing is being served"):
        connected_client()


@pytest.fixture
def folded(filled_home, bars):
    """The filled home's bundle again, now with the windows of a fold."""
    from train.bundle.bundle import read_manifest, save_bundle
    from train.bundle.manifest import FoldSpan, ManifestFields

    (first,) = Home(filled_home).bundles.iterdir()
    values = read_manifest(first).model_dump(exclude={"bundle_id", "files", "schema_version"})
    fold = FoldSpan(index=0, train=(0, 300), validation=(301, 340), test=(350, 392))
    stated = ManifestFields.model_validate(values | {"folds": (fold,), "created": NOW})
    return save_bundle(first.parent, (first / "policy.onnx").read_bytes(), None, stated)


def readings(home, bundle):
    log = TrialLedger(Home(home).ledger).readings(read_manifest(bundle).problem)
    return [(row["occasion"], row["fold"], row["first"], row["last"]) for row in log.rows()]


def test_without_days_the_test_window_is_walked_and_the_reading_counted(
    ploutos, filled_home, folded, bars
):
    days = bars.sort("ts")["ts"].unique().sort().dt.date()

    done = ploutos("trade", "replay", "--local", "--session", "a", "--json")
    again = ploutos("trade", "replay", "--local", "--session", "a", "--resume", "--json")

    first, last = str(days[350]), str(days[391])
    told = [done.document[key] for key in ("from", "to", "parts")]
    assert told == [first, last, "test"]
    assert f"walking {first} to {last} (test)" in done.stderr
    assert again.code == 0
    assert readings(filled_home, folded) == [("replay", 0, first, last)]


def test_training_days_are_marked_and_are_no_reading(ploutos, filled_home, folded, bars):
    start = bars["ts"].min().date()

    done = ploutos(*LOCAL[:3], "--from", start, "--to", start + timedelta(20), "--session", "t")

    assert "the bundle was trained on some of these days" in done.stderr
    status = ploutos("trade", "status", "--session", "t", "--json").document
    assert status["label"] == "SIMULATED of training days"
    assert readings(filled_home, folded) == []


def test_the_label_is_that_of_the_bars_not_of_the_bundle(ploutos, filled_home, folded, bars):
    # given: the same prices under real names, and a bundle for them that says SIMULATED
    from train.bundle.bundle import save_bundle
    from train.bundle.manifest import ManifestFields

    names = dict(zip(sorted(bars["symbol"].unique()), ("AAPL", "IBM", "KO", "XOM"), strict=True))
    real = bars.with_columns(symbol=pl.col("symbol").replace(names))
    Lake(filled_home / "lake").write(real, interval="1h", source="yahoo")
    values = read_manifest(folded).model_dump(exclude={"bundle_id", "files", "schema_version"})
    stated = ManifestFields.model_validate(values | {"symbols": tuple(names.values())})
    other = save_bundle(folded.parent, (folded / "policy.onnx").read_bytes(), None, stated)

    for bundle in (folded, other):
        ploutos(*LOCAL, "--bundle", bundle.name, "--session", bundle.name)

    labels = [
        ploutos("trade", "status", "--session", bundle.name, "--json").document["label"]
        for bundle in (folded, other)
    ]
    assert labels == ["SIMULATED", "REPLAY"]


def test_the_default_is_the_bundle_that_serve_up_takes_whatever_the_files_times(
    ploutos, filled_home, folded
):
    place = Home(filled_home)
    (older,) = (path for path in place.bundles.iterdir() if path != folded)
    os.utime(older / "manifest.json")  # as a copy does

    assert [card.path for card in bundle_cards(place)] == [folded, older]
    assert find_bundle(place, None) == bundle_to_serve(place)[0] == folded
    enter(place, Decision(older.name, "champion", "override", "a test", "us"), before="candidate")
    newest = ploutos("trade", "replay", "--local", "--session", "c", "--json")
    assert newest.code == 1  # the champion has no test window, and no day is named
    assert older.name in newest.document["error"]["what"]


@pytest.mark.parametrize("name", ["../evil", "a/b", ".", "..", " "])
def test_a_session_whose_name_leads_elsewhere_is_refused(ploutos, filled_home, name):
    outcome = ploutos(*LOCAL, "--session", name)

    assert outcome.code == 2
    assert "is no name for a session" in outcome.document["error"]["what"]
    assert not (filled_home / "evil.jsonl").exists()


def test_the_newest_journal_comes_first(ploutos, filled_home):
    ploutos(*LOCAL, "--session", "later")

    os.utime(filled_home / "journal" / "demo.jsonl")  # as a copy does
    names = [path.stem for path in journal_paths(Home(filled_home))]

    assert names == ["later", "demo"]
    assert ploutos("trade", "status", "--json").document["session"] == "later"
    assert ploutos("trade", "status", "--session", "demo", "--json").document["session"] == "demo"


def test_the_span_of_a_replay_is_the_one_asked_for(ploutos, filled_home, bars):
    last = bars["ts"].max().date()
    start = last - timedelta(days=5)

    document = ploutos(
        *("trade", "replay", "--local", "--from", start, "--to", last, "--session", "span"),
        "--json",
    ).document

    marks = [
        r.event.payload()
        for r in read_journal(filled_home / "journal" / "span.jsonl")
        if r.kind == "mark"
    ]
    assert marks[0]["bar_ts"][:10] >= str(start)
    assert marks[-1]["bar_ts"][:10] == str(last)
    assert document["sessions"] == len({mark["session"] for mark in marks})
