"""What one checkpoint's policy earns on the validation window, as it lies in the checkpoint."""

import json
from dataclasses import dataclass, fields
from pathlib import Path

OUTCOME_FILE = "outcome.json"


@dataclass(frozen=True)
class Outcome:
    """An evaluation on the way; the test window is read when the trial has ended."""

    steps: int
    steps_per_second: float
    validation_sharpe: float

    def write(self, folder: Path) -> None:
        """Put it into a checkpoint."""
        (folder / OUTCOME_FILE).write_text(json.dumps(vars(self)))

    @classmethod
    def read(cls, folder: Path) -> "Outcome":
        """The opposite of `write`; what older checkpoints tell beside it is left alone."""
        values = json.loads((folder / OUTCOME_FILE).read_text())
        return cls(**{field.name: values[field.name] for field in fields(cls)})

    def metrics(self) -> dict[str, float]:
        """The numbers that Tune compares and TensorBoard draws."""
        return {
            "validation_sharpe": self.validation_sharpe,
            "num_timesteps": self.steps,
            "steps_per_second": self.steps_per_second,
        }
