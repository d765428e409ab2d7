"""Episodes: whole sessions, after the training window, at different starts."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from cluster.errors import DataError, PloutosError, UsageError
from envs import Market, V6Params, Window
from train.backtest.episodes import Episode, Episodes, run_episodes
from train.backtest.evaluation import evaluate
from train.bundle.bundle import PolicyBundle
from train.bundle.windows import judged_window, last_fold, parts_of, unseen_window


@pytest.fixture
def bundle(bundle: Path) -> PolicyBundle:
    return PolicyBundle.load(bundle)


def test_episodes_are_whole_sessions_after_training(bundle: PolicyBundle, market: Market) -> None:
    # given: 60 sessions of 7 bars, the first 20 trained on
    found = run_episodes(bundle, market, days=10, count=5)

    first_day = date(2024, 1, 2)
    starts = [(row.start - first_day).days for row in found.rows]
    # bar 139 is trained on, so the first session that can be decided for is the 22nd
    assert starts == [21, 28, 35, 43, 50]
    assert all((row.end - row.start).days == 9 for row in found.rows)
    assert (found.rows[0].part, found.rows[-1].part) == ("validation", "test")
    assert found.overlap == pytest.approx(0.3)


def test_an_episode_is_the_walk_of_its_window(bundle: PolicyBundle, market: Market) -> None:
    found = run_episodes(bundle, market, days=10, count=2, seed=4)

    params = V6Params.from_dict(bundle.manifest.v6_params)
    walked = evaluate(bundle.act, market, params, Window(349, 420), seed=5)
    last = found.rows[-1]
    assert last.total_return == pytest.approx(walked.performance.total_return, rel=1e-12)
    assert last.sharpe == walked.sharpe_ratio
    assert last.fills == walked.fills
    assert found.overlap == 0.0


def test_fills_at_the_close_take_the_same_sessions(bundle: PolicyBundle, market: Market) -> None:
    params = V6Params.reference().to_dict()
    manifest = bundle.manifest.model_copy(update={"v6_params": params})
    reference = PolicyBundle.load(bundle.path)
    reference.manifest = manifest

    found = run_episodes(reference, market, days=10, count=1)

    assert (found.rows[0].end - found.rows[0].start).days == 9
    assert found.rows[0].start == date(2024, 1, 22)


def test_more_than_there_is_is_refused_and_says_what_is_possible(
    bundle: PolicyBundle, market: Market
) -> None:
    with pytest.raises(UsageError) as refusal:
        run_episodes(bundle, market, days=40, count=5)
    assert "has 39 sessions" in refusal.value.why
    assert "--days 39 or less" in refusal.value.next_command

    assert len(run_episodes(bundle, market, days=39, count=5).rows) == 1
    with pytest.raises(UsageError):
        run_episodes(bundle, market, days=10, count=0)


def test_the_same_seed_gives_the_same_episodes(bundle: PolicyBundle, market: Market) -> None:
    one, two, other = (run_episodes(bundle, market, days=10, count=3, seed=s) for s in (1, 1, 2))

    assert one == two
    assert one != other


def test_sums_are_those_of_the_rows() -> None:
    def episode(total: float, equal: float, drawdown: float) -> Episode:
        day = date(2024, 1, 2)
        return Episode(day, day, "test", total, equal, 10.0 * total, drawdown, 3, False)

    found = Episodes(
        "b", 90, 0.0, (episode(0.1, 0.2, 0.05), episode(-0.3, -0.4, 0.35), episode(0.0, 0.0, 0.0))
    )

    assert found.profitable == pytest.approx(1 / 3)
    assert found.ahead == pytest.approx(1 / 3)
    assert found.median_return == 0.0
    assert found.median_sharpe == 0.0
    assert found.worst_drawdown == 0.35


def test_other_bars_begin_after_the_bundles_own(bundle: PolicyBundle, market: Market) -> None:
    assert unseen_window(bundle.manifest, market) == Window(140, 420)
    later = replace(market, ts=market.ts + np.timedelta64(30, "D"))
    # its data end 2024-03-01 20:30: the 30th of the moved sessions is of that day
    window = unseen_window(bundle.manifest, later)
    low, high = window.start, window.last

    assert later.ts[low] > np.datetime64("2024-03-01T20:30") >= later.ts[low - 1]
    assert high == 419
    assert parts_of(bundle.manifest, later, window) == "later"
    assert run_episodes(bundle, later, days=10, count=2).rows[0].part == "later"


def test_bars_that_it_may_know_are_refused(bundle: PolicyBundle, market: Market) -> None:
    earlier = replace(market, ts=market.ts - np.timedelta64(300, "D"))

    with pytest.raises(DataError, match="no session that the bundle has not seen"):
        run_episodes(bundle, earlier, days=10, count=2)


def test_parts_of_the_fold_are_named(bundle: PolicyBundle, market: Market) -> None:
    named = {
        window: parts_of(bundle.manifest, market, Window(window[0], window[1] + 1))
        for window in ((0, 100), (130, 150), (141, 145), (200, 230), (300, 419))
    }

    assert named == {
        (0, 100): "train",
        (130, 150): "train+validation",
        (141, 145): "between",
        (200, 230): "validation+test",
        (300, 419): "test",
    }
    assert judged_window(bundle.manifest) == Window(217, 420)


def test_a_bundle_without_folds_has_no_window(bundle: PolicyBundle) -> None:
    with pytest.raises(PloutosError, match="has no test window"):
        last_fold(bundle.manifest.model_copy(update={"folds": ()}))
