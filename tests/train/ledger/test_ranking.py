"""The best configuration by the median over its seeds."""

from factories import trial
from train.ledger.ranking import ranked
from train.ledger.record import TrialRecord


def record(gamma: float, seed: int, sharpe: float, status: str = "completed") -> TrialRecord:
    return trial(
        trial_id=f"s-{gamma}-{seed}",
        seed=seed,
        config={"gamma": gamma},
        status=status,
        validation_sharpe=sharpe,
    )


def test_one_lucky_seed_does_not_win() -> None:
    lucky = [record(0.9, seed, sharpe) for seed, sharpe in enumerate((5.0, -1.0, -1.0))]
    steady = [record(0.8, seed, sharpe) for seed, sharpe in enumerate((0.4, 0.2, 0.3))]

    best, second = ranked([*lucky, *steady])

    assert (best.sampled, best.score) == ({"gamma": 0.8}, 0.3)
    assert (second.sampled, second.score) == ({"gamma": 0.9}, -1.0)
    assert best.median_trial.trial_id == "s-0.8-2"


def test_of_two_seeds_the_worse_stands_for_both() -> None:
    (best,) = ranked([record(0.9, 0, 0.6), record(0.9, 1, 0.2)])

    assert best.score == 0.4
    assert best.median_trial.validation_sharpe == 0.2


def test_a_configuration_with_pruned_or_failed_seeds_comes_later() -> None:
    whole = [record(0.8, 0, 0.1), record(0.8, 1, 0.1)]
    pruned = [record(0.9, 0, 3.0), record(0.9, 1, 3.0, "pruned")]
    failed = [record(0.7, 0, 0.0, "failed")]

    found = ranked([*failed, *pruned, *whole])

    assert [one.sampled["gamma"] for one in found] == [0.8, 0.9, 0.7]
    assert [one.score for one in found] == [0.1, 3.0, None]


def test_a_configuration_drawn_twice_counts_its_seeds_once() -> None:
    twice = [record(0.8, 0, 0.1), record(0.8, 0, 0.2)]
    once = [record(0.9, 0, 0.5)]

    assert ranked([*twice, *once])[0].sampled == {"gamma": 0.9}
