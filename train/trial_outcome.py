"""What one checkpoint's policy earns out of sample, as it lies in the checkpoint."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt

OUTCOME_FILE = "outcome.json"


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a checkpoint's policy earns on the windows that it was not trained on."""

    steps: int
    steps_per_second: float
    validation_sharpe: float
    test_sharpe: float
    test_dates: tuple[date, ...]  # (D,)
    test_returns: npt.NDArray[np.float64]  # (D,) simple returns a session

    def write(self, folder: Path) -> None:
        """Put it into a checkpoint."""
        values = vars(self) | {
            "test_dates": [day.isoformat() for day in self.test_dates],
            "test_returns": self.test_returns.tolist(),
        }
        (folder / OUTCOME_FILE).write_text(json.dumps(values))

    @classmethod
    def read(cls, folder: Path) -> "Outcome":
        """The opposite of `write`."""
        values = json.loads((folder / OUTCOME_FILE).read_text())
        values["test_dates"] = tuple(date.fromisoformat(day) for day in values["test_dates"])
        values["test_returns"] = np.asarray(values["test_returns"], np.float64)
        return cls(**values)

    def metrics(self) -> dict[str, float]:
        """The numbers that Tune compares and TensorBoard draws; no test result among them."""
        return {
            "validation_sharpe": self.validation_sharpe,
            "num_timesteps": self.steps,
            "steps_per_second": self.steps_per_second,
        }
