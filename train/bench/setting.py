"""What every training measurement runs on: one Market, one network, one set of PPO parameters."""

from dataclasses import dataclass
from pathlib import Path

from envs import Window
from envs.bench import random_market
from train.learners.spec import LearnerSpec
from train.scenarios.scenario import PloutosConfig

V7_ASSETS = 22
V7_BARS = 8_700  # five years of hourly bars


@dataclass(frozen=True)
class Setting:
    """Sizes of a measurement; the defaults are V7's universe, and what a laptop trains."""

    assets: int = V7_ASSETS
    bars: int = V7_BARS
    hidden: tuple[int, ...] = (64, 64)
    n_envs: int = 256
    n_steps: int = 64
    batch_size: int = 4096
    n_epochs: int = 4
    rounds: int = 3

    @property
    def rollout(self) -> int:
        """Environment steps of one iteration."""
        return self.n_envs * self.n_steps

    def config(self, learner: str) -> PloutosConfig:
        """The same scenario for either learner."""
        training = {
            "n_envs": self.n_envs,
            "n_steps": self.n_steps,
            "batch_size": self.batch_size,
            "n_epochs": self.n_epochs,
        }
        return PloutosConfig.model_validate(
            {
                "name": "bench",
                "learner": learner,
                "training": training,
                "network": {"net_arch": self.hidden},
            }
        )


@dataclass(frozen=True)
class Workplace:
    """A setting whose Market lies on the disk, where every process maps it."""

    setting: Setting
    folder: Path
    market: Path
    fingerprint: str

    @classmethod
    def prepare(cls, setting: Setting, folder: Path) -> "Workplace":
        """Write the Market: a random walk with random features, only the work is realistic."""
        market = random_market(setting.assets, setting.bars)
        return cls(setting, folder, market.save(folder / "tables"), market.fingerprint)

    def spec(self, learner: str, name: str, seed: int = 0) -> LearnerSpec:
        """A learner over the whole Market; `name` keeps its logs apart."""
        return LearnerSpec(
            config=self.setting.config(learner),
            market=self.market,
            fingerprint=self.fingerprint,
            window=Window(0, self.setting.bars),
            seed=seed,
            log_folder=self.folder / name,
        )
