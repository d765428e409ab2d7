"""Files that others may have written are read, never run."""

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from cluster.errors import DataError
from envs import Market
from train.learners.factory import create_learner
from train.learners.spec import Learner, LearnerSpec


class Canary:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


@pytest.fixture
def learner(
    random_market: Market, small: Callable[..., Any], make_spec: Callable[..., LearnerSpec]
) -> Learner:
    return create_learner(make_spec(random_market, small()))


def test_a_class_in_a_checkpoint_is_refused_and_not_run(learner: Learner, tmp_path: Path) -> None:
    torch.save({"net": Canary(tmp_path / "ran")}, tmp_path / "sb3.pt")

    with pytest.raises(DataError, match="no checkpoint"):
        learner.load(tmp_path)

    assert not (tmp_path / "ran").exists()
    pickle.loads(pickle.dumps(Canary(tmp_path / "ran")))  # the canary itself works
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("kept", [0, 100, 3000])
def test_a_checkpoint_cut_off_is_refused(learner: Learner, tmp_path: Path, kept: int) -> None:
    learner.save(tmp_path)
    file = tmp_path / "sb3.pt"
    file.write_bytes(file.read_bytes()[:kept])

    with pytest.raises(DataError, match="no checkpoint"):
        learner.load(tmp_path)


def test_the_exported_zip_holds_no_class_of_ours_and_its_weights_load_as_tensors(
    learner: Learner,
) -> None:
    from train.policy.export import actor_to_sb3_zip
    from train.policy.normaliser import Normaliser

    columns = learner.actor().shape.num_features
    scale = Normaliser.from_dict({"mean": [0.0] * columns, "std": [1.0] * columns})

    archive = zipfile.ZipFile(io.BytesIO(actor_to_sb3_zip(learner.actor(), scale)))
    weights = torch.load(io.BytesIO(archive.read("policy.pth")), weights_only=True)

    assert all(isinstance(weight, torch.Tensor) for weight in weights.values())
    assert b"train." not in archive.read("data")
