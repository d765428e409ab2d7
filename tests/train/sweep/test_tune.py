"""What Tune's trials look like to a sweep, and the events that they become."""

import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from train.ledger.record import TrialEnd
from train.sweep.progress import SweepEvent
from train.sweep.trial import FAULT
from train.sweep.tune import TrialListener, TunedTrial, tune_callback, tuned_trial


def tunes_own(number: int, status: str = "RUNNING", **last: Any) -> SimpleNamespace:
    """A trial as Ray Tune has it."""
    config = {"home": "/h", "sweep": "s", "seed": 4, "gamma": 0.9}
    return SimpleNamespace(
        trial_id=f"t{number}",
        config=config,
        status=status,
        last_result=last or None,
        checkpoint=None,
        is_finished=lambda: status in ("TERMINATED", "ERROR"),
    )


def trial(number: int, status: str = "RUNNING", **last: Any) -> TunedTrial:
    return tuned_trial(tunes_own(number, status, **last))


def test_a_trial_of_tune_becomes_a_value() -> None:
    # given: a trial whose newest result Tune has not taken over yet
    own = tunes_own(3, "RUNNING", num_timesteps=10, validation_sharpe=0.1)
    own.checkpoint = SimpleNamespace(path="/h/sweeps/s/t3/checkpoint_000001")
    new = {"num_timesteps": 20, "validation_sharpe": 0.5, "steps_per_second": 7.0, "done": True}

    value = tuned_trial(own, new)

    assert value == TunedTrial(
        id="t3",
        seed=4,
        sampled={"gamma": 0.9},
        checkpoint=Path("/h/sweeps/s/t3/checkpoint_000001"),
        failed=False,
        finished=False,
        is_last=True,
        steps=20,
        steps_per_second=7.0,
        validation_sharpe=0.5,
    )
    assert tuned_trial(own).steps == 10
    assert tuned_trial(tunes_own(3, "ERROR")).failed
    assert tuned_trial(own, {FAULT: "full"}).fault == "full"


class Desk:
    """Collects events and records, and ends trials as it is told."""

    def __init__(self, end: TrialEnd = TrialEnd.COMPLETED) -> None:
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

    def record(self, ended: TunedTrial) -> TrialEnd:
        self.recorded.append(ended.id)
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
    old = tunes_own(0, num_timesteps=10, validation_sharpe=-1.0, steps_per_second=1.0)

    new = {"num_timesteps": 20, "validation_sharpe": 0.5, "steps_per_second": 7.0}
    desk.listener.progressed(tuned_trial(old, new))

    (event,) = desk.events
    assert (event.kind, event.steps) == ("progress", 20)
    assert (event.validation_sharpe, event.steps_per_second) == (0.5, 7.0)
    assert desk.recorded == []


@pytest.mark.parametrize("end", TrialEnd)
def test_an_ended_trial_is_recorded_before_it_is_told(end: TrialEnd) -> None:
    desk = Desk(end)
    last = {"num_timesteps": 100, "validation_sharpe": 2.0}
    desk.listener.progressed(trial(0, **last, done=end != TrialEnd.FAILED))

    desk.listener.ended(trial(0, "ERROR" if end == TrialEnd.FAILED else "RUNNING", **last))

    assert desk.recorded == ["t0"]
    assert [event.kind for event in desk.events] == ["progress", end]
    assert desk.events[1].validation_sharpe == 2.0


def test_a_record_that_fails_stops_the_sweep() -> None:
    desk = Desk()

    def refuse(ended: TunedTrial) -> TrialEnd:
        raise OSError("no space")

    desk.listener.record = refuse
    with pytest.raises(OSError, match="no space"):
        desk.listener.ended(trial(0, status="ERROR"))
    assert desk.events == []


def test_tunes_callbacks_reach_the_listener() -> None:
    desk = Desk()
    callback, one = tune_callback(desk.listener), tunes_own(1)

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
    seen, unseen = (trial(number, "TERMINATED", done=True) for number in (1, 2))
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
        desk.listener.progressed(trial(0, **{FAULT: "the disk is full"}))

    assert desk.listener.fault == "the disk is full"
    assert desk.room_made == 1
    assert desk.recorded == []


def test_a_trial_that_ctrl_c_stopped_has_not_ended() -> None:
    """Tune calls it complete, though no result had said that it is done."""
    desk = Desk(TrialEnd.PRUNED)
    desk.listener.started(trial(0))
    desk.listener.progressed(trial(0, num_timesteps=50, done=False))

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
    assert Desk().listener.ended_earlier(trial(0, status, **last)) is ended
