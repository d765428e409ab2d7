"""Whether the learners learn: `make learn`, `python -m train.controls.learning_check [case ...]`.

One line a case, its numbers kept as JSON in a folder, so that an interrupted run goes on where it
stopped. A case is `task/learner/network/seed`; the seed is the learner's and the market's.

- `sine`: one asset on a noisy sine. Score: reward over that of the policy that knows the sine.
- `edge8`, `edge0`: the simulated market with and without a planted edge. Score: Sharpe ratio of the
  year after the two that it learned from, beside equal weight and random policies of equal exposure
  and turnover.
- `real`: the same on bars of a file (`--bars`), which is all that nobody planted.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from cluster.files import write_atomic
from envs import TradingVectorEnv, V6Params
from envs.arrays import Float32
from train.backtest.evaluation import evaluate
from train.backtest.holding import equal_weight
from train.backtest.random_policies import random_policies
from train.controls.learning_markets import (
    LearningMarket,
    halves,
    market_of_file,
    planted_market,
    sine_market,
    sine_oracle,
    sine_params,
)
from train.learners.factory import LEARNERS, create_learner
from train.learners.spec import LearnerSpec
from train.policy.networks import Actor
from train.policy.normaliser import Normaliser
from train.scenarios.scenario import PloutosConfig

SEEDS = range(5)
TASKS = ("sine", "edge8", "edge0", "real")
NETWORKS = ("flat", "shared")
SINE_STEPS = 65_536
MARKET_STEPS = 131_072
_REAL_FROM = "2022-01-01"  # three years, as of the simulated market


@dataclass(frozen=True)
class Case:
    """One training run."""

    task: str
    learner: str
    network: str
    seed: int

    @property
    def name(self) -> str:
        """task/learner/network/seed."""
        return "/".join(str(part) for part in asdict(self).values())


def all_cases() -> list[Case]:
    """Every case, the quick ones first; the sine has one asset, so nothing to share."""
    cases = [Case("sine", learner, "flat", seed) for learner, seed in product(LEARNERS, SEEDS)]
    grid = product(TASKS[1:], NETWORKS[::-1], LEARNERS, SEEDS)
    return cases + [Case(task, learner, network, seed) for task, network, learner, seed in grid]


def run_case(case: Case, bars: Path | None = None) -> dict[str, Any]:
    """Train and judge one case; its numbers by name."""
    if case.task == "sine":
        return run_sine(case.learner, case.seed)
    if case.task == "real":
        if bars is None:
            raise SystemExit("the cases `real` need --bars FILE")
        return run_market(halves(market_of_file(bars, _REAL_FROM)), case)
    return run_market(halves(planted_market(float(case.task[4:]), case.seed)), case)


def run_sine(learner: str, seed: int, steps: int = SINE_STEPS) -> dict[str, Any]:
    """Reward on unseen bars as a share of the optimal policy's."""
    place, params = sine_market(seed), sine_params()
    training = {"n_envs": 64, "n_steps": 32, "batch_size": 512, "n_epochs": 8, "ent_coef": 0.0}
    network = {"kind": "flat", "net_arch": [32]}
    config = _scenario(learner, training | {"total_timesteps": steps}, params, network)
    actor, numbers = _trained(config, place, seed)
    scale = Normaliser.fit(place.market.features, place.market.tradable, place.train)
    width = place.market.num_features

    def learned(bar: int, observation: Float32) -> int:
        features = scale.apply(observation[:, :width])
        return int(actor.act(np.hstack([features, observation[:, width:]]))[0, 0])

    def knowing(bar: int, observation: Float32) -> int:
        return sine_oracle(bar, held=bool(observation[0, width] > 0))

    optimal = pass_reward(knowing, place, params)
    reached = pass_reward(learned, place, params)
    return numbers | {"reward": reached, "optimal": optimal, "share": reached / optimal}


def run_market(place: LearningMarket, case: Case, steps: int = MARKET_STEPS) -> dict[str, Any]:
    """Sharpe ratios over the test window: learned, equal weight, and random ones alike."""
    demo = PloutosConfig.from_yaml("demo")
    network = demo.network.model_dump() if case.network == "shared" else {"net_arch": [64, 64]}
    training = demo.training.model_dump() | {"total_timesteps": steps}
    params = demo.v6_params()
    actor, numbers = _trained(_scenario(case.learner, training, params, network), place, case.seed)
    scale = Normaliser.fit(place.market.features, place.market.tradable, place.train)
    scaled = place.market.with_features(scale.apply(place.market.features))
    window = place.test
    learned = evaluate(actor.act, scaled, params, window, seed=case.seed)
    equal = equal_weight(place.market, params, window, seed=case.seed)
    random = random_policies(learned, place.market, params, window, seed=case.seed)
    return numbers | {
        "sharpe": learned.sharpe_ratio,
        "equal_weight": equal.sharpe_ratio,
        "random": random.median,
        "turnover": learned.turnover,
        "exposure": learned.exposure,
    }


def _scenario(
    learner: str, training: dict[str, Any], params: V6Params, network: dict[str, Any]
) -> PloutosConfig:
    values = PloutosConfig.from_yaml("demo").model_dump(mode="json")
    values |= {"learner": learner, "network": network, "environment": params.to_dict()}
    values["training"] |= training
    return PloutosConfig.model_validate(values)


def _trained(
    config: PloutosConfig, place: LearningMarket, seed: int
) -> tuple[Actor, dict[str, Any]]:
    """Train on normalised features; the policy, with steps and seconds."""
    scale = Normaliser.fit(place.market.features, place.market.tradable, place.train)
    scaled = place.market.with_features(scale.apply(place.market.features))
    with tempfile.TemporaryDirectory() as name:
        spec = LearnerSpec(
            config=config,
            market=scaled.save(Path(name)),
            fingerprint=scaled.fingerprint,
            window=place.train,
            seed=seed,
            log_folder=Path(name) / "board",
        )
        learner = create_learner(spec)
        started = time.perf_counter()
        learner.train(config.training.total_timesteps)
        seconds = time.perf_counter() - started
        actor = learner.actor()
        steps = learner.num_timesteps
        learner.close()
    return actor, {"steps": steps, "seconds": round(seconds, 1)}


def pass_reward(
    choose: Callable[[int, Float32], int],
    place: LearningMarket,
    params: V6Params,
) -> float:
    """Sum of the environment's rewards over one pass through the test window."""
    low = place.test.start
    values = params.to_dict() | {"max_steps": place.test.stop}
    env = TradingVectorEnv(
        place.market, V6Params.from_dict(values), observation="full", window=place.test
    )
    observation, _ = env.reset(seed=0, options={"start": low})
    total, done, bar = 0.0, False, low
    while not done:
        action = choose(bar, observation)
        observation, reward, terminated, truncated, _ = env.step(np.array([[action]]))
        total += float(reward[0])
        done, bar = bool(terminated[0] or truncated[0]), bar + 1
    return total


def table(results: Iterable[tuple[Case, dict[str, Any]]]) -> str:
    """Medians over the seeds, a line a task, learner and network."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for case, numbers in results:
        groups.setdefault((case.task, case.learner, case.network), []).append(numbers)
    lines = ["task   learner network seeds  score    equal weight  random  steps/s"]
    for (task, learner, network), rows in groups.items():
        score = "share" if task == "sine" else "sharpe"
        middle = {
            name: float(np.median([row[name] for row in rows]))
            for name in (score, "equal_weight", "random")
            if name in rows[0]
        }
        rate = sum(row["steps"] for row in rows) / sum(row["seconds"] for row in rows)
        others = "".join(f"{middle.get(name, np.nan):10.2f}" for name in ("equal_weight", "random"))
        lines.append(
            f"{task:6} {learner:7} {network:7} {len(rows):5} {middle[score]:7.2f}  {others} "
            f"{rate:10,.0f}"
        )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Run what has no result yet, then print the table of all there is."""
    from cluster.ray_runtime import attached_ray

    parser = argparse.ArgumentParser(
        prog="python -m train.controls.learning_check", description=__doc__
    )
    parser.add_argument("prefix", nargs="*", default=[""], help="cases to run: sine, edge8/sb3")
    parser.add_argument("--out", type=Path, default=Path(".ploutos/learning"))
    parser.add_argument("--bars", type=Path, help="Parquet file for the cases `real`")
    given = parser.parse_args(arguments)
    cases = [case for case in all_cases() if case.name.startswith(tuple(given.prefix))]
    if given.bars is None:
        cases = [case for case in cases if case.task != "real"]
    results = []
    with attached_ray(num_cpus=1):
        for case in cases:
            path = given.out / f"{case.name.replace('/', '-')}.json"
            if not path.is_file():
                numbers = run_case(case, given.bars)
                write_atomic(path, json.dumps(numbers, indent=1).encode())
                print(f"{case.name:24} {json.dumps(numbers)}", flush=True)
            results.append((case, json.loads(path.read_text())))
    print(table(results))


if __name__ == "__main__":
    main()
