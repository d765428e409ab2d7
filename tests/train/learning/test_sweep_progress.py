from types import SimpleNamespace
from typing import Any

import pytest

from train.sweep_progress import SweepEvent, TrialEnd, TrialListener, tune_callback


def trial(number: int, **last: Any) -> SimpleNamespace:
    """What the listener looks at of Tune's own trial."""
    config = {"home": "/h", "sweep": "s", "seed": 4, "gamma": 0.9}
    return SimpleNamespace(trial_id=f"t{number}", config=config, last_result=last or None)


class Desk:
    """Collects events and records, and ends trials as it is told."""

    def __init__(self, end: TrialEnd = "completed") -> None:
        self.events: list[SweepEvent] = []
        self.recorded: list[str] = []
        self._end = end
        self.listener = TrialListener(self.events.append, self.record, total_steps=100, trials=2)

    def record(self, ended: Any) -> TrialEnd:
        self.recorded.append(ended.trial_id)
        return self._end


def test_trials_are_numbered_in_the_order_of_their_start() -> None:
    desk = Desk()

    for number in (7, 3, 7):
        desk.listener.started(trial(number))

    assert [event.number for event in desk.events] == [1, 2, 1]
    assert [event.trial for event in desk.events] == ["t7", "t3", "t7"]


def test_a_new_trial_has_no_numbers_yet() -> None:
    desk = Desk()

    desk.listener.started(trial(0))

    (event,) = desk.events
    assert (event.kind, event.steps, event.validation_sharpe) == ("started", 0, None)
    assert (event.sampled, event.seed) == ({"gamma": 0.9}, 4)
    assert (event.trials, event.total_steps) == (2, 100)


def test_progress_has_the_numbers_of_the_new_result() -> None:
    desk = Desk()
    old = trial(0, num_timesteps=10, validation_sharpe=-1.0, steps_per_second=1.0)

    new = {"num_timesteps": 20, "validation_sharpe": 0.5, "steps_per_second": 7.0}
    desk.listener.progressed(old, new)

    (event,) = desk.events
    assert (event.kind, event.steps) == ("progress", 20)
    assert (event.validation_sharpe, event.steps_per_second) == (0.5, 7.0)
    assert desk.recorded == []


@pytest.mark.parametrize("end", ["completed", "pruned", "failed"])
def test_an_ended_trial_is_recorded_before_it_is_told(end: TrialEnd) -> None:
    desk = Desk(end)

    desk.listener.ended(trial(0, num_timesteps=100, validation_sharpe=2.0))

    assert desk.recorded == ["t0"]
    assert [event.kind for event in desk.events] == [end]
    assert desk.events[0].validation_sharpe == 2.0


def test_a_record_that_fails_stops_the_sweep() -> None:
    desk = Desk()

    def refuse(ended: Any) -> TrialEnd:
        raise OSError("no space")

    desk.listener.record = refuse
    with pytest.raises(OSError, match="no space"):
        desk.listener.ended(trial(0))
    assert desk.events == []


def test_tunes_callbacks_reach_the_listener() -> None:
    desk = Desk()
    callback, one = tune_callback(desk.listener), trial(1)

    callback.on_trial_start(iteration=0, trials=[one], trial=one)
    result = {"num_timesteps": 5}
    callback.on_trial_result(iteration=1, trials=[one], trial=one, result=result)
    callback.on_trial_complete(iteration=2, trials=[one], trial=one)
    callback.on_trial_error(iteration=2, trials=[one], trial=one)

    kinds = [event.kind for event in desk.events]
    assert kinds == ["started", "progress", "completed", "completed"]
    assert [event.steps for event in desk.events] == [0, 5, 0, 0]
