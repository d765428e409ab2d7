from typing import Any

from train.sweep.progress import SweepEvent, SweepProgress, duration


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
