import signal
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from train.sweep.progress import (
    SweepEvent,
    SweepProgress,
    TrialEnd,
    TrialListener,
    duration,
    tune_callback,
)
from train.sweep.trial import STORAGE_FAULT


def trial(number: int, status: str = "RUNNING", **last: Any) -> SimpleNamespace:
    """What the listener looks at of Tune's own trial."""
    config = {"home": "/h", "sweep": "s", "seed": 4, "gamma": 0.9}
    return SimpleNamespace(
        trial_id=f"t{number}", config=config, status=status, last_result=last or None
    )


class Desk:
    """Collects events and records, and ends trials as it is told."""

    def __init__(self, end: TrialEnd = "completed") -> None:
        self.events: list[SweepEvent] = []
        self.recorded: list[str] = []
        self._end = end
        self.room_made = 0
        self.listener = TrialListener(
            self.events.append,
            self.record,
            total_steps=100,
            trials=2,
            make_room=self.make_room,
        )

    def make_room(self) -> None:
        self.room_made += 1

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
    last = {"num_timesteps": 100, "validation_sharpe": 2.0}
    desk.listener.progressed(trial(0), {**last, "done": end != "failed"})

    desk.listener.ended(trial(0, "ERROR" if end == "failed" else "RUNNING", **last))

    assert desk.recorded == ["t0"]
    assert [event.kind for event in desk.events] == ["progress", end]
    assert desk.events[1].validation_sharpe == 2.0


def test_a_record_that_fails_stops_the_sweep() -> None:
    desk = Desk()

    def refuse(ended: Any) -> TrialEnd:
        raise OSError("no space")

    desk.listener.record = refuse
    with pytest.raises(OSError, match="no space"):
        desk.listener.ended(trial(0, status="ERROR"))
    assert desk.events == []


def test_tunes_callbacks_reach_the_listener() -> None:
    desk = Desk()
    callback, one = tune_callback(desk.listener), trial(1)

    callback.on_trial_start(iteration=0, trials=[one], trial=one)
    result = {"num_timesteps": 5, "done": True}
    callback.on_trial_result(iteration=1, trials=[one], trial=one, result=result)
    callback.on_trial_complete(iteration=2, trials=[one], trial=one)
    callback.on_trial_error(iteration=2, trials=[one], trial=one)

    kinds = [event.kind for event in desk.events]
    assert kinds == ["started", "progress", "completed", "completed"]
    assert [event.steps for event in desk.events] == [0, 5, 0, 0]


def test_a_trial_that_this_driver_never_started_ended_earlier() -> None:
    desk = Desk()
    seen, unseen = trial(1, done=True), trial(2, done=True)
    for one in (seen, unseen):
        one.is_finished = lambda: True
    desk.listener.started(seen)

    assert not desk.listener.ended_earlier(seen)
    assert desk.listener.ended_earlier(unseen)


@pytest.fixture
def _ctrl_c_raises() -> Iterator[None]:
    """As in a process of its own; Ray leaves a handler of another kind behind."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_ctrl_c_raises")
def test_a_full_disk_stops_the_sweep_as_ctrl_c_does() -> None:
    desk = Desk()

    with pytest.raises(KeyboardInterrupt):
        desk.listener.progressed(trial(0), {STORAGE_FAULT: "the disk is full"})

    assert desk.listener.storage_fault == "the disk is full"
    assert desk.room_made == 1
    assert desk.recorded == []


class TestSweepProgress:
    def event(self, name: str, kind: str, steps: int, **values: Any) -> SweepEvent:
        fixed: dict[str, Any] = {"trials": 3, "sampled": {"gamma": 0.9}, "seed": 1}
        numbers = {"number": int(name), "validation_sharpe": None, "elapsed_s": 10.0} | values
        return SweepEvent(
            kind=kind,  # type: ignore[arg-type]
            trial=name,
            steps=steps,
            total_steps=100,
            steps_per_second=1.0,
            **fixed,
            **numbers,
        )

    def test_speed_counts_what_this_driver_has_trained(self) -> None:
        progress = SweepProgress()
        progress.add(self.event("1", "started", 60))  # a resumed trial
        progress.add(self.event("2", "started", 0))
        progress.add(self.event("1", "completed", 100, validation_sharpe=0.5, elapsed_s=20.0))
        progress.add(self.event("2", "progress", 40, validation_sharpe=0.2, elapsed_s=20.0))

        assert progress.steps_per_second == 4.0  # 40 + 40 in 20 s
        assert progress.seconds_left == 40.0  # 60 of the second trial, 100 of the third
        assert (progress.best, progress.ended) == (0.5, 1)

    def test_before_the_first_steps_nothing_is_known(self) -> None:
        progress = SweepProgress()
        progress.add(self.event("1", "started", 0))

        assert progress.seconds_left is None
        assert progress.summary() == "0 env steps/s, best -, - left"

    def test_a_line_has_the_trial_and_the_whole(self) -> None:
        progress = SweepProgress()
        progress.add(self.event("1", "started", 0))
        event = self.event("1", "progress", 50, validation_sharpe=0.71)
        progress.add(event)

        line = progress.line(event)

        assert line.startswith("[  10.0 s] trial 1/3 progress")
        assert "50 of 100 steps validation Sharpe 0.71" in line
        assert "(all: 5 env steps/s, best 0.71, 50s left)  gamma=0.9 seed=1" in line

    def test_durations_are_short(self) -> None:
        assert [duration(s) for s in (4.6, 750, 11_100)] == ["5s", "12m30s", "3h05m"]


def test_a_trial_that_ctrl_c_stopped_has_not_ended() -> None:
    """Tune calls it complete, though no result had said that it is done."""
    desk = Desk("pruned")
    desk.listener.started(trial(0))
    desk.listener.progressed(trial(0), {"num_timesteps": 50, "done": False})

    desk.listener.ended(trial(0, num_timesteps=50))

    assert desk.recorded == []
    assert [event.kind for event in desk.events] == ["started", "progress"]


@pytest.mark.parametrize(
    ("status", "last", "ended"),
    [
        ("TERMINATED", {"num_timesteps": 100, "done": True}, True),
        ("ERROR", {}, True),
        ("TERMINATED", {}, False),  # it waited for its start when Ctrl-C came
        ("TERMINATED", {"num_timesteps": 50, "done": False}, False),
    ],
)
def test_what_ended_before_this_driver_came(status: str, last: dict[str, Any], ended: bool) -> None:
    one = trial(0, status, **last)
    one.is_finished = lambda: True

    assert Desk().listener.ended_earlier(one) is ended
