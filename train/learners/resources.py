"""What a trial asks of the cluster: a CPU for each of its processes, and a share of a GPU."""

from collections.abc import Mapping
from typing import Any

from train.scenarios.scenario import PloutosConfig


def trial_resources(config: PloutosConfig, cluster: Mapping[str, float]) -> Any:
    """Tune's request for one trial; a share of a GPU only where the cluster has GPUs.

    The share goes to whoever learns: the trial's own process, or each of its learners.

    Args:
        config: The scenario: its workers, and `search.gpus_per_trial`.
        cluster: All resources of the cluster, by Ray's names.
    """
    from ray import tune

    workers, share = config.workers, config.search.gpus_per_trial
    learns = {"CPU": 1.0}
    if cluster.get("GPU", 0.0) > 0 and share > 0:
        learns["GPU"] = share
    runners = [{"CPU": 1.0}] * workers.env_runners
    if workers.learners == 0:
        return tune.PlacementGroupFactory([learns, *runners])
    return tune.PlacementGroupFactory([{"CPU": 1.0}, *runners, *[learns] * workers.learners])


def gpus_per_learner(config: PloutosConfig) -> float:
    """What RLlib asks for each learner; without workers, the trial's process learns on its own."""
    import torch

    return config.search.gpus_per_trial if torch.cuda.is_available() else 0.0


def cap_gpu_memory(config: PloutosConfig) -> None:
    """Keep this process to its share of the GPU's memory: Ray only counts shares.

    An allocation beyond it raises `torch.OutOfMemoryError` here and leaves the neighbours alone.
    """
    import torch

    share = config.search.gpus_per_trial
    if torch.cuda.is_available() and 0 < share < 1:
        torch.cuda.set_per_process_memory_fraction(share)
