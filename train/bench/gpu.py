"""PPO of `v7_sp500_sectors` as it stands, on whatever device is there: `make bench-gpu`.

Runs with torch, numpy, numba, gymnasium and Stable-Baselines3 alone; the Market comes as a file.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from cluster.errors import PloutosError
from envs.adapters.sb3 import SB3VectorEnv
from envs.market import Market
from envs.params import V6Params
from train.bench.gpu_market import read_market, simulated_market, write_market
from train.learners.sb3_policy import TablePolicy
from train.learners.sb3_ppo import TablePPO
from train.policy.shape import NetworkShape, Precision

TARGET_STEPS, TARGET_SECONDS = 20_000_000, 300
_GATHERS = 10  # how often one is measured


@dataclass(frozen=True)
class Workload:
    """What is trained; the defaults are the scenario `v7_sp500_sectors`."""

    hidden: tuple[int, ...] = (1536, 1536, 768, 384)
    n_envs: int = 16
    n_steps: int = 4096
    batch_size: int = 8192
    n_epochs: int = 20
    learning_rate: float = 1e-4
    gamma: float = 0.99
    gae_lambda: float = 0.95
    clip_range: float = 0.2
    ent_coef: float = 0.10
    vf_coef: float = 0.5
    max_grad_norm: float = 0.5
    target_kl: float | None = 0.02
    max_steps: int = 2500
    buy_pct: float = 0.15
    max_position_pct: float = 0.20
    max_trades_per_day: int = 15
    min_holding_period: int = 2
    use_sharpe_penalty: bool = True

    def ppo(self) -> dict[str, Any]:
        """Keyword arguments of `stable_baselines3.PPO`."""
        environment = ("hidden", "n_envs", *self._environment())
        return {name: value for name, value in vars(self).items() if name not in environment}

    def params(self) -> V6Params:
        """The environment's parameters."""
        return V6Params.default(**self._environment())

    def _environment(self) -> dict[str, Any]:
        names = (
            "max_steps",
            "buy_pct",
            "max_position_pct",
            "max_trades_per_day",
            "min_holding_period",
            "use_sharpe_penalty",
        )
        return {name: getattr(self, name) for name in names}


class TimedPPO(TablePPO):
    """Counts the seconds of its two halves; the device has finished when a half ends."""

    sampling_s = 0.0
    learning_s = 0.0

    def collect_rollouts(self, *args: Any, **kwargs: Any) -> bool:
        """See `TablePPO`."""
        collect = super().collect_rollouts
        seconds, goes_on = _timed(self.device, lambda: collect(*args, **kwargs))
        self.sampling_s += seconds
        return bool(goes_on)

    def train(self) -> None:
        """See `TablePPO`."""
        seconds, _ = _timed(self.device, super().train)
        self.learning_s += seconds


def bench_gpu(
    market: Market,
    workload: Workload,
    steps: int,
    *,
    precision: Precision = "tf32",
    memory_share: float = 1.0,
) -> dict[str, Any]:
    """Train for at least `steps` environment steps, after one rollout that warms up.

    Args:
        market: The bars.
        workload: What is trained.
        steps: Environment steps, a whole number of rollouts of them.
        precision: Of matrix products; weights, losses and probabilities stay float32.
        memory_share: Of the device's memory, what this process may take.

    Returns:
        Rates, time shares, peak memory, and what was measured on what.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cuda":
        torch.cuda.set_per_process_memory_fraction(memory_share)
    with tempfile.TemporaryDirectory() as folder:
        model = _model(market, workload, Path(folder), precision)
        run = _run(model, workload, steps)
    return {
        **_figures(run, model, workload),
        "peak_device_mb": _peak_device_megabytes(device),
        "peak_host_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "gpu_figure": _gpu_figure(device, run.seconds / run.steps),
        "precision": precision,
        "torch": torch.__version__,
        "assets": market.num_assets,
        "features": market.num_features,
        "bars": market.num_bars,
        "workload": vars(workload),
    }


@dataclass(frozen=True)
class _Run:
    steps: int  # of environments
    seconds: float
    minibatches: int
    gather_s: float  # of all minibatches


def _run(model: TimedPPO, workload: Workload, steps: int) -> _Run:
    model.learn(workload.n_envs * workload.n_steps)
    model.sampling_s = model.learning_s = 0.0
    steps_before, minibatches_before = model.num_timesteps, model.rollout_buffer.minibatches
    seconds, _ = _timed(model.device, lambda: model.learn(steps, reset_num_timesteps=False))
    minibatches = model.rollout_buffer.minibatches - minibatches_before
    gather_s = minibatches * _gather_seconds(model, workload.batch_size)
    return _Run(model.num_timesteps - steps_before, seconds, minibatches, gather_s)


def _figures(run: _Run, model: TimedPPO, workload: Workload) -> dict[str, Any]:
    rollout = workload.n_envs * workload.n_steps
    an_epoch = -(-rollout // workload.batch_size)  # minibatches
    return {
        "env_steps_per_s": round(run.steps / run.seconds),
        "sampling_share": round(model.sampling_s / run.seconds, 3),
        "learning_share": round(model.learning_s / run.seconds, 3),
        "gather_share": round(run.gather_s / run.seconds, 3),  # within learning
        "steps": run.steps,
        "seconds": round(run.seconds, 2),
        # fewer epochs than asked for where target_kl stops them
        "epochs_per_rollout": round(run.minibatches * rollout / run.steps / an_epoch, 2),
        "minutes_for_20m_steps": round(TARGET_STEPS * run.seconds / run.steps / 60, 1),
    }


def _model(market: Market, workload: Workload, folder: Path, precision: Precision) -> TimedPPO:
    env = SB3VectorEnv(market, workload.params(), workload.n_envs)
    policy = {
        "market": market.save(folder),
        "fingerprint": market.fingerprint,
        "shape": NetworkShape(market.num_assets, market.num_features, workload.hidden),
        "precision": precision,
    }
    return TimedPPO(TablePolicy, env, policy_kwargs=policy, seed=0, device="auto", **workload.ppo())


def _timed(device: torch.device, work: Callable[[], Any]) -> tuple[float, Any]:
    """Wall seconds until the device has finished `work`, and its result."""
    began = time.perf_counter()
    result = work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began, result


def _gather_seconds(model: TimedPPO, batch_size: int) -> float:
    """How long the features of one minibatch take to gather."""
    reader = model.policy.reader
    observations = model.rollout_buffer.samples.observations

    def gather() -> None:
        for _ in range(_GATHERS):
            reader.distinct_rows(observations[:batch_size])

    gather()
    return _timed(model.device, gather)[0] / _GATHERS


def _peak_device_megabytes(device: torch.device) -> float | None:
    if device.type != "cuda":
        return None
    return round(torch.cuda.max_memory_allocated() / 2**20, 1)


def _gpu_figure(device: torch.device, seconds_a_step: float) -> str:
    if device.type != "cuda":
        return "missing: no CUDA device here, this is a CPU's figure"
    met = TARGET_STEPS * seconds_a_step <= TARGET_SECONDS
    return "20M steps in 5 minutes: " + ("met" if met else "not met")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m train.bench.gpu", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--market", type=Path, help="the market file to train on")
    what.add_argument("--make-market", type=Path, help="only write a simulated market to this file")
    parser.add_argument("--steps", type=int, default=2_000_000)
    parser.add_argument("--precision", choices=["float32", "tf32", "bf16"], default="tf32")
    parser.add_argument("--memory-share", type=float, default=1.0)
    return parser.parse_args()


def main() -> int:
    """Print one JSON document."""
    given = _arguments()
    try:
        if given.make_market:
            size = write_market(simulated_market(), given.make_market)
            document: dict[str, Any] = {"market": str(given.make_market), "bytes": size}
        else:
            document = bench_gpu(
                read_market(given.market),
                Workload(),
                given.steps,
                precision=given.precision,
                memory_share=given.memory_share,
            )
    except PloutosError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(json.dumps(document, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
