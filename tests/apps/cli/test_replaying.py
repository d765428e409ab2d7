"""Which bundle, which bars and who decides, when a replay is asked for."""

from datetime import timedelta

import polars as pl
import pytest

from apps.cli.endpoint import connected_client, neutral_request
from apps.cli.readers import bundle_cards, find_bundle, journal_paths
from cluster.errors import BundleError, ConfigError, UsageError
from cluster.settings import Home
from features import Lake
from trade.journal.journal import read_journal

LOCAL = ("trade", "replay", "--local", "--from", "2016-03-24", "--json")


def test_bars_of_two_sources_are_never_mixed(ploutos, filled_home, bars):
    Lake(filled_home / "lake").write(bars, interval="1h", source="file")

    mixed = ploutos(*LOCAL)
    chosen = ploutos(*LOCAL, "--source", "file")

    assert mixed.code == 2
    assert "file, simulated" in mixed.document["error"]["why"]
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


def test_the_newest_journal_comes_first(ploutos, filled_home):
    ploutos(*LOCAL, "--session", "later")

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
