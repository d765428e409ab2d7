"""What a trial asks of the cluster: a CPU for each of its processes, and a share of a GPU."""

from collections.abc import Mapping
from typing import Any

from train.scenario import PloutosConfig


def trial_resources(config: PloutosConfig, cluster: Mapping[str, float]) -> Any:
    """Tune's request for one trial; a share of a GPU only where the cluster has GPUs.

    Args:
        config: The scenario: its workers, and `search.gpus_per_trial`.
        cluster: All resources of the cluster, by Ray's names.
    """
    from ray import tune

    own = {"CPU": 1.0}
    if cluster.get("GPU", 0.0) > 0 and config.search.gpus_per_trial > 0:
        own["GPU"] = config.search.gpus_per_trial
    others = config.workers.env_runners + config.workers.learners
    return tune.PlacementGroupFactory([own, *[{"CPU": 1.0}] * others])


def cap_gpu_memory(config: PloutosConfig) -> None:
    """Keep this process to its share of the GPU's memory: Ray only counts shares.

    An allocation beyond it raises `torch.OutOfMemoryError` here and leaves the neighbours alone.
    """
    import torch

    share = config.search.gpus_per_trial
    if torch.cuda.is_available() and 0 < share < 1:
        torch.cuda.set_per_process_memory_fraction(share)
