"""`ploutos model promote|rollback`: what it refuses, what it names, and where an override shows."""

from pathlib import Path

import httpx2
import pytest

from cluster.settings import Home
from cluster.tokens import read_token
from train.bundle.stages import Decision, enter, read_stages
from train.ledger import parquet as trial_file
from train.ledger.ledger import CHAIN_FILE

PROBLEM = "0123456789abcdef"
OVERRIDE = ("--override", "--reason", "shadow costs nothing")


def bundle_of(root: Path) -> str:
    return next(path.parent.name for path in (root / "bundles").glob("*/manifest.json"))


def delete_a_row(folder: Path) -> None:
    (folder / "t4.parquet").unlink()


def change_a_return(folder: Path) -> None:
    record = trial_file.read(folder / "t4.parquet")
    (folder / "t4.parquet").unlink()
    record.test_returns[0] += 1e-6
    trial_file.create(folder / "t4.parquet", record)


def swap_two_rows(folder: Path) -> None:
    lines = (folder / CHAIN_FILE).read_bytes().splitlines(keepends=True)
    lines[4], lines[5] = lines[5], lines[4]
    (folder / CHAIN_FILE).write_bytes(b"".join(lines))


def swap_two_files(folder: Path) -> None:
    four, five = folder / "t4.parquet", folder / "t5.parquet"
    contents = four.read_bytes()
    four.write_bytes(five.read_bytes())
    five.write_bytes(contents)


@pytest.mark.parametrize("damage", [delete_a_row, change_a_return, swap_two_rows, swap_two_files])
def test_a_ledger_that_was_touched_is_refused_and_the_row_named(ploutos, filled_home, damage):
    damage(filled_home / "ledger" / PROBLEM)

    printed = ploutos("model", "promote")
    outcome = ploutos("model", "promote", "--json")

    assert (printed.code, outcome.code) == (6, 6)
    assert "row 5: trial" in printed.stdout
    assert "t4" in printed.stdout
    assert "REFUSED" in printed.stdout
    assert outcome.document["promoted"] is False
    assert "t4" in outcome.document["checks"][0]["why"]
    assert read_stages(Home(filled_home)).of(bundle_of(filled_home)) == "candidate"


def test_a_bundle_without_evidence_is_refused(ploutos, filled_home):
    outcome = ploutos("model", "promote", "--json")

    assert outcome.code == 6
    assert outcome.document["checks"][0]["passed"] is True  # the ledger is whole
    assert "no test window" in outcome.document["checks"][1]["why"]
    assert outcome.document["beside"]["validation_sharpe"] == 0.71
    assert outcome.document["beside"]["original_target"] == "more than 1.5 on validation"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--override",), "an override needs a reason"),
        (("--override", "--reason", " "), "an override needs a reason"),
        (("--reason", "because"), "--reason goes with --override"),
        (("--to", "champion"), "cannot become champion"),
        (("--to", "emperor"), "emperor"),
    ],
)
def test_a_wrong_call_moves_nothing(ploutos, filled_home, options, told):
    outcome = ploutos("model", "promote", *options)

    assert outcome.code == 2
    assert told in outcome.stderr
    assert not (filled_home / "bundles" / "stages.jsonl").exists()


def test_an_override_shows_in_every_listing(ploutos, filled_home):
    moved = ploutos("model", "promote", *OVERRIDE, "--json")

    (listed,) = ploutos("model", "list", "--json").document["bundles"]
    shown = ploutos("model", "show", "--json").document
    assert moved.code == 0
    assert (moved.document["from"], moved.document["to"]) == ("candidate", "shadow")
    assert (listed["stage"], listed["unproven"]) == ("shadow", True)
    assert shown["stage"] == "shadow"
    assert shown["unproven"]["reason"] == "shadow costs nothing"
    assert ploutos("model", "verify").code == 0


def test_an_override_shows_at_the_endpoint(ploutos, endpoint, filled_home):
    token = read_token(filled_home / "tokens" / "serve")
    header = {"Authorization": f"Bearer {token}"}
    before = httpx2.get(f"{endpoint}/v1/model", headers=header, trust_env=False).json()

    ploutos("model", "promote", *OVERRIDE)

    after = httpx2.get(f"{endpoint}/v1/model", headers=header, trust_env=False).json()
    assert before["unproven"] is None
    assert after["unproven"] == "shadow costs nothing"
    assert ploutos("serve", "call", "--json").code == 0


def test_an_override_shows_in_the_app(ploutos, filled_home):
    from streamlit.testing.v1 import AppTest

    import apps

    ploutos("model", "promote", *OVERRIDE)

    entry = Path(apps.__file__).parent / "pages" / "streamlit_app.py"
    app = AppTest.from_file(str(entry), default_timeout=60).run()
    app.switch_page("models.py").run()

    said = "\n".join(str(element.value) for element in app.markdown)
    assert not app.exception
    assert "UNPROVEN" in said
    assert "shadow costs nothing" in said


def test_a_rollback_returns_to_the_previous_champion(ploutos, filled_home):
    home, bundle = Home(filled_home), bundle_of(filled_home)
    for _ in ("shadow", "champion"):
        assert ploutos("model", "promote", *OVERRIDE).code == 0
    alone = ploutos("model", "rollback")
    for stage in ("shadow", "champion"):
        before = read_stages(home).of("other")
        enter(home, Decision("other", stage, "promote", "better", "ann"), before=before)

    outcome = ploutos("model", "rollback", "--reason", "it lost", "--json")

    assert alone.code == 2
    assert "no previous champion" in alone.stderr
    assert outcome.document == {"champion": bundle, "retired": "other"}
    assert read_stages(home).champion == bundle


def test_a_log_of_stages_that_was_changed_is_told(ploutos, filled_home):
    ploutos("model", "promote", *OVERRIDE)
    log = filled_home / "bundles" / "stages.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"shadow"', b'"champion"'))

    outcome = ploutos("model", "promote")

    assert outcome.code == 1
    assert "stages.jsonl is not whole: row 1" in outcome.stderr
