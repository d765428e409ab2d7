"""Each page of the app over an empty, a normal and a damaged home: content or a state, no error."""

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import apps
from cluster.settings import Home
from trade.journal.journal import Journal, read_journal

ENTRY = Path(apps.__file__).parent / "pages" / "streamlit_app.py"
PAGES = ("overview", "positions", "orders", "models", "sweeps")


def open_page(name: str) -> AppTest:
    """The page as a visitor sees it."""
    app = AppTest.from_file(str(ENTRY), default_timeout=60).run()
    if name != PAGES[0]:
        app.switch_page(f"{name}.py").run()
    return app


def words(app: AppTest) -> str:
    """Everything that the page says outside of charts."""
    parts = [
        *(metric.label + " " + metric.value for metric in app.metric),
        *(
            element.value
            for kind in ("markdown", "caption", "info", "warning")
            for element in app.get(kind)
        ),
        *(
            element.value
            for kind in ("error", "code", "title", "subheader")
            for element in app.get(kind)
        ),
    ]
    return "\n".join(str(part) for part in parts)


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_home_tells_the_next_command(page, home_root):
    app = open_page(page)

    assert not app.exception
    assert app.title[0].value == page.capitalize()
    assert "NO SESSION" in words(app)
    assert "ploutos " in app.code[0].value


@pytest.mark.parametrize("page", PAGES)
def test_a_normal_home_shows_its_own_numbers(page, filled_home):
    records = read_journal(Home(filled_home).journal / "demo.jsonl")
    equity = records[-1].event.payload()["equity"]

    app = open_page(page)

    said = words(app)
    assert not app.exception
    assert not app.error
    assert not app.warning
    assert all(word in said for word in ("SIMULATED", "ENDED", "session demo", "journal written"))
    expected = {
        "overview": f"Equity ${equity:,.2f}",
        "positions": f"of ${equity:,.2f} invested",
        "orders": f"Fills {sum(record.kind == 'fill' for record in records)}",
        "models": "NOT BETTER",
        "sweeps": "Trials 8",
    }
    assert expected[page] in said


@pytest.mark.parametrize("page", PAGES)
def test_a_torn_journal_is_told_and_shown_up_to_the_tear(page, filled_home):
    journal = filled_home / "journal" / "demo.jsonl"
    journal.write_bytes(journal.read_bytes()[:-20])

    app = open_page(page)

    assert not app.exception
    assert "the last write is torn" in app.warning[0].value
    assert "STOPPED" in words(app) or "RUNNING" in words(app)


@pytest.mark.parametrize("page", PAGES)
def test_a_damaged_journal_is_a_state_and_no_numbers(page, filled_home):
    journal = filled_home / "journal" / "demo.jsonl"
    data = bytearray(journal.read_bytes())
    data[2000] ^= 1
    journal.write_bytes(data)

    app = open_page(page)

    assert not app.exception
    assert "is damaged at line" in app.warning[0].value
    assert "Equity $" not in words(app)


@pytest.mark.parametrize("page", PAGES)
def test_damaged_bundles_trials_and_bars_are_told(page, filled_home):
    for pattern in ("bundles/*/manifest.json", "ledger/*/t3.parquet", "lake/*/*/block-*.parquet"):
        for path in filled_home.glob(pattern):
            path.write_bytes(b"torn")

    app = open_page(page)

    assert not app.exception
    if page == "models":
        assert "DAMAGED" in words(app)
        assert "manifest" in app.error[0].value
    if page == "sweeps":
        assert "t3.parquet" in app.error[0].value


def test_better_is_printed_as_plainly_as_not_better(filled_home):
    from train.bundle.bundle import read_manifest, read_verdict, update_verdict

    (bundle,) = (filled_home / "bundles").iterdir()
    verdict = read_verdict(bundle, read_manifest(bundle))
    assert verdict is not None
    update_verdict(bundle, verdict.model_copy(update={"label": "BETTER", "reasons": ()}))

    said = words(open_page("models"))

    assert "NOT BETTER" not in said
    assert "BETTER" in said
    assert "1 bundle, 1 better" in said


def test_the_model_card_is_shown_unless_somebody_edited_it(filled_home):
    (bundle,) = (filled_home / "bundles").iterdir()
    whole = words(open_page("models"))

    (bundle / "card.md").write_text((bundle / "card.md").read_text().replace("Limits", "Promises"))
    app = open_page("models")

    assert "What it saw" in whole
    assert "nothing here is true of real prices" in whole
    assert not app.exception
    assert "model card" in app.error[0].value
    assert "Promises" not in words(app)


def test_sweeps_tell_the_test_window_of_what_was_chosen_and_judged_alone(filled_home):
    """Trial t3 has a bundle with a verdict; by what the others earned there nobody is to choose."""
    page = open_page("sweeps")
    table = page.dataframe[0].value

    shown = dict(zip(table["trial_id"], table["test_sharpe"], strict=True))
    assert [trial for trial, sharpe in shown.items() if not np.isnan(sharpe)] == ["t3"]
    assert "test " not in " ".join(metric.delta for metric in page.metric)

    (bundle,) = (filled_home / "bundles").iterdir()
    (bundle / "verdict.json").unlink()
    assert open_page("sweeps").dataframe[0].value["test_sharpe"].isna().all()


@pytest.mark.parametrize("page", PAGES)
def test_a_session_without_limits_is_marked_on_every_page(page, filled_home):
    journal = filled_home / "journal" / "demo.jsonl"
    records = read_journal(journal)
    journal.unlink()
    opening = records[0].event
    free = type(opening)(**opening.payload() | {"limits": None, "protection": None})
    with Journal(journal) as writer:
        for event in (free, *(record.event for record in records[1:])):
            writer.append(event)

    app = open_page(page)

    assert not app.exception
    assert "RISK OFF" in words(app)


def test_a_session_with_limits_has_no_such_mark(filled_home):
    assert "RISK OFF" not in words(open_page("overview"))


def test_orders_can_be_chosen_by_status(filled_home):
    app = open_page("orders")
    everything = len(app.dataframe[0].value)

    app.button_group[0].set_value(["filled"]).run()

    assert not app.exception
    assert 0 < len(app.dataframe[0].value) < everything
    assert set(app.dataframe[0].value["status"]) == {"filled"}


def test_positions_state_stop_and_target(filled_home):
    table = open_page("positions").dataframe[0].value

    assert list(table["stop"]) == pytest.approx(list(table["entry_price"] * 0.95))
    assert list(table["target"]) == pytest.approx(list(table["entry_price"] * 1.10))
    assert (table["share"] > 0).all()
