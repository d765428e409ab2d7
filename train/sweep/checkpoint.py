"""What a checkpoint of a trial holds, and which one to go on from after a crash.

A checkpoint is a folder: the learner's own state, the exported policy in two forms, what that
policy earns on validation, and a seal, the checksums of all of it.
"""

import json
from dataclasses import dataclass, fields
from pathlib import Path

from cluster.errors import DataError
from cluster.files import canonical_json, sha256_of, write_atomic
from train.learners.spec import Learner
from train.policy.normaliser import Normaliser

LEARNER_FOLDER = "learner"
ONNX_FILE = "policy.onnx"
ZIP_FILE = "sb3.zip"
OUTCOME_FILE = "outcome.json"
SEAL = "checksums.json"


@dataclass(frozen=True)
class Outcome:
    """What the policy earns on validation; the test window is read when the trial has ended."""

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


def write_checkpoint(folder: Path, learner: Learner, scale: Normaliser, outcome: Outcome) -> None:
    """Fill an empty folder, and seal it.

    Args:
        folder: Where to.
        learner: Its state is saved, and its present policy exported.
        scale: Of the policy's inputs; the exported policy takes raw features.
        outcome: What that policy earns.
    """
    import torch

    from train.policy.export import actor_to_onnx, actor_to_sb3_zip

    actor = learner.actor()
    learner.save(folder / LEARNER_FOLDER)
    with torch.random.fork_rng(devices=[]):  # an export draws; training must not notice
        (folder / ONNX_FILE).write_bytes(actor_to_onnx(actor, scale))
        (folder / ZIP_FILE).write_bytes(actor_to_sb3_zip(actor, scale))
    outcome.write(folder)
    seal(folder)


def seal(folder: Path) -> None:
    """Write the SHA-256 of every file of a checkpoint beside them."""
    write_atomic(folder / SEAL, canonical_json(_checksums(folder)))


def is_sound(folder: Path) -> bool:
    """Whether a checkpoint is whole: neither torn by a crash, nor changed, nor without a seal."""
    try:
        sealed: dict[str, str] = json.loads((folder / SEAL).read_bytes())
        return all(sha256_of(folder / name) == digest for name, digest in sealed.items())
    except (OSError, ValueError, AttributeError):
        return False


def check_sound(folder: Path) -> None:
    """Refuse a checkpoint that is not whole.

    Raises:
        DataError: it was damaged since it was written.
    """
    if not is_sound(folder):
        raise DataError(
            f"{folder} is damaged",
            "its files are not those that its checksums.json names",
            "restore the folder from a copy, then run the command again",
        )


def last_sound(own: Path, given: Path | None) -> Path | None:
    """The checkpoint to go on from, None for a fresh start.

    Tune's knowledge is as old as its last snapshot, so of the trial's own checkpoints the furthest
    sound one counts. A checkpoint of another trial, which a population passes on, is taken as it
    is given; when it is damaged, the one before it.

    Args:
        own: The folder of the trial, as `<home>/sweeps/<sweep>/<trial>`.
        given: The checkpoint that Tune wants, a folder of `own` or of another trial's.
    """
    if given is None or given.parent == own:
        found = [folder for folder in own.glob("checkpoint_*") if is_sound(folder)]
        return max(
            found, key=lambda folder: (Outcome.read(folder).steps, folder.name), default=None
        )
    earlier = [folder for folder in given.parent.glob("checkpoint_*") if folder.name <= given.name]
    return next((folder for folder in sorted(earlier, reverse=True) if is_sound(folder)), None)


def _checksums(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in files}
