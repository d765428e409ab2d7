"""A trial's checkpoint folders: sealed by checksums, found again after a crash."""

import json
from pathlib import Path

from cluster.files import canonical_json, sha256_of, write_atomic
from train.sweep.outcome import Outcome

SEAL = "checksums.json"


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
