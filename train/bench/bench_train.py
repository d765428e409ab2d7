"""How fast the learners train here, each figure a ratio inside one run on this machine."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch

from cluster.ray_runtime import attached_ray
from train.bench.clock import best_rates
from train.bench.setting import Setting, Workplace
from train.learners.factory import create_learner
from train.learners.spec import Learner

SCALAR_FILE = Path("tests/envs/scalar_v6.py")

__all__ = ["SCALAR_FILE", "Setting", "bench_train"]

Report = Callable[[str], None]


def bench_train(
    setting: Setting, report: Report, scalar_file: Path = SCALAR_FILE
) -> dict[str, float]:
    """Measure the learners.

    Args:
        setting: The sizes.
        report: Told what is measured next.
        scalar_file: As `envs.bench.bench_env` takes it.

    Returns:
        `sampling_speedup`: batched runner over RLlib's own with full observations.
        `rllib_speedup`: whole PPO, the same two sides.
        `sb3_speedup`: whole PPO over 16 processes with a scalar V6 each.
        `rllib_over_sb3`: whole PPO, one process each.
        `runner_private_mb`: private memory of one more env runner, in 2^20 bytes.
        `two_trials_speedup`: two trials at once over one alone, environment steps a second in all.

    Raises:
        UsageError: `scalar_file` is absent.
    """
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        place = Workplace.prepare(setting, Path(name))
        report("PPO of Stable-Baselines3, and with 16 processes of scalar environments")
        sb3 = _sb3_speedup(place, scalar_file)
        report("two trials at once, and one alone")
        trials = _two_trials(place)
        with attached_ray(num_cpus=2):
            report("sampling, batched and with RLlib's runner")
            sampling = _sampling_speedup(place)
            report("PPO of RLlib, as it comes, and of Stable-Baselines3")
            speedup, over_sb3 = _rllib_ratios(place)
            report("memory of one more env runner")
            megabytes = _runner_megabytes(place)
    return {
        "sampling_speedup": round(sampling, 2),
        "rllib_speedup": round(speedup, 2),
        "sb3_speedup": round(sb3, 2),
        "rllib_over_sb3": round(over_sb3, 2),
        "runner_private_mb": round(megabytes, 1),
        "two_trials_speedup": round(trials, 2),
    }


def _sb3_speedup(place: Workplace, scalar_file: Path) -> float:
    from train.bench.sb3 import OriginalLayout

    original_layout = OriginalLayout(place.spec("sb3", "original"), scalar_file)
    with _native(place) as iterate, closing(original_layout) as original:
        rates = best_rates(
            {"original": original.iterate, "native": iterate},
            place.setting.rounds,
            clock=original.seconds,
        )
    return rates["native"] / rates["original"]


def _two_trials(place: Workplace) -> float:
    from train.bench.trials import TrialProcess, total_rate

    with ExitStack() as stack:
        trials = [
            stack.enter_context(closing(TrialProcess(place.spec("sb3", f"trial{seed}", seed))))
            for seed in range(2)
        ]
        total_rate(trials, place.setting.rollout)  # both are ready, and have compiled
        return median(
            total_rate(trials, 2 * place.setting.rollout)
            / total_rate(trials[:1], 2 * place.setting.rollout)
            for _ in range(2 * place.setting.rounds - 1)
        )


def _sampling_speedup(place: Workplace) -> float:
    """At four times the environments: that is where a runner of whole batches is meant for."""
    from train.bench.rllib import Sampler

    wide = replace(
        place.setting, n_envs=4 * place.setting.n_envs, n_steps=place.setting.n_steps // 2
    )
    spec = replace(place, setting=wide).spec("rllib", "sampling")
    with closing(Sampler(spec, stock=True)) as stock, closing(Sampler(spec, stock=False)) as ours:
        rates = best_rates({"stock": stock.sample, "ours": ours.sample}, wide.rounds)
    return rates["ours"] / rates["stock"]


def _rllib_ratios(place: Workplace) -> tuple[float, float]:
    """RLlib's PPO over RLlib as it comes, and over Stable-Baselines3."""
    from train.bench.rllib import Trainer

    spec = place.spec("rllib", "rllib")
    with (
        closing(Trainer(spec, stock=True)) as stock,
        closing(Trainer(spec, stock=False)) as ours,
        _native(place) as sb3,
    ):
        rates = best_rates(
            {"stock": stock.iterate, "ours": ours.iterate, "sb3": sb3}, place.setting.rounds
        )
    return rates["ours"] / rates["stock"], rates["ours"] / rates["sb3"]


def _runner_megabytes(place: Workplace) -> float:
    from train.bench.rllib import runner_private_megabytes

    return runner_private_megabytes(place.spec("rllib", "memory"))


@contextmanager
def _native(place: Workplace) -> Iterator[Callable[[], int]]:
    """Our own Stable-Baselines3 learner, an iteration a call."""
    learner: Learner = create_learner(place.spec("sb3", "native"))

    def iterate() -> int:
        before = learner.num_timesteps
        learner.train(place.setting.rollout)
        return learner.num_timesteps - before

    with closing(learner):
        yield iterate
