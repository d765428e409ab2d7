"""The sections of a scenario, with the original's parameter names, types and ranges."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    PlainSerializer,
    field_validator,
    model_validator,
)

from envs import V6Params
from features.bars.symbols import canonical
from train.policy.shape import Precision

if TYPE_CHECKING:
    from features.slots.scan import ScanRules

Positive = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Scalar = bool | int | float | str
Value = Scalar | tuple[Scalar, ...]  # the latter for `network.net_arch`
Starts = Literal["easy", "medium", "hard"]


# Settings of the trader's limits by name: `trade.risk.limits` knows them, and what is not named.
RiskSettings = dict[str, Annotated[int | float, Field(gt=0.0, allow_inf_nan=False)]]


class Section(BaseModel):
    """A part of a scenario: fixed once read, and refusing keys that nothing reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Training(Section):
    """PPO's own parameters; `n_steps` is per environment, `batch_size` one minibatch."""

    total_timesteps: Positive = 1_000_000
    n_envs: Positive = 256
    n_steps: Positive = 64
    batch_size: Positive = 4096
    n_epochs: Positive = 4
    learning_rate: float = Field(default=3e-4, gt=0.0, le=1.0)
    gamma: Share = 0.99
    gae_lambda: Share = 0.95
    clip_range: float = Field(default=0.2, gt=0.0, le=1.0)
    ent_coef: float = Field(default=0.01, ge=0.0)
    vf_coef: float = Field(default=0.5, ge=0.0)
    max_grad_norm: float = Field(default=0.5, gt=0.0)
    target_kl: float | None = Field(default=None, gt=0.0)

    @model_validator(mode="after")
    def _minibatch_fits_the_rollout(self) -> "Training":
        if self.batch_size > self.n_envs * self.n_steps:
            raise ValueError(
                f"batch_size {self.batch_size} is more than one rollout, "
                f"n_envs x n_steps = {self.n_envs * self.n_steps}"
            )
        return self


class Workers(Section):
    """Processes beside the trial's own, a CPU each, for learners that take them (`rllib`).

    `n_envs` is split among the runners.
    """

    env_runners: int = Field(default=0, ge=0)
    learners: int = Field(default=0, ge=0)


class Data(Section):
    """Which bars: empty `tickers` means every symbol there is, or the slots of the sector scan."""

    tickers: tuple[str, ...] = ()
    period: str = Field(default="2y", pattern=r"^[1-9]\d*y$")
    interval: Literal["1h", "1d"] = "1h"
    feature_set: str = "v6"

    @field_validator("tickers")
    @classmethod
    def _unique(cls, tickers: tuple[str, ...]) -> tuple[str, ...]:
        spelt = tuple(map(canonical, tickers))
        twice = sorted({name for name in spelt if spelt.count(name) > 1})
        if twice:
            raise ValueError(f"named twice: {', '.join(twice)}")
        return spelt

    @property
    def years(self) -> int:
        """The period as a number of years."""
        return int(self.period[:-1])


class Network(Section):
    """Hidden layers; policy and value function have the same shape and share nothing.

    `flat` reads the whole observation with one perceptron. `shared` encodes every asset with the
    same weights (`net_arch`) and scores its choices after the pooling (`head_arch`).
    """

    kind: Literal["flat", "shared"] = "flat"
    net_arch: tuple[Positive, ...] = Field(default=(64, 64), min_length=1)
    head_arch: tuple[Positive, ...] = (32,)
    activation_fn: Literal["tanh", "relu"] = "tanh"
    precision: Precision = "tf32"  # of matrix products; tf32 is float32 where there is no GPU

    @model_validator(mode="after")
    def _only_a_shared_network_has_a_head(self) -> "Network":
        default = type(self).model_fields["head_arch"].default
        if self.kind == "flat" and self.head_arch != default:
            raise ValueError("head_arch is read by kind: shared only")
        return self


class Phase(Section):
    """A part of the training whose episodes start at chosen bars; see `train.market.curriculum`."""

    starts: Starts
    share: Share  # of the total steps


class Curriculum(Section):
    """Phases in the order they run; none means that episodes start anywhere from the beginning."""

    phases: tuple[Phase, ...] = ()

    @model_validator(mode="after")
    def _the_whole_training(self) -> "Curriculum":
        total = sum(phase.share for phase in self.phases)
        if self.phases and abs(total - 1.0) > 1e-9:
            raise ValueError(f"the shares of the phases add up to {total:g}, not to 1")
        return self


class SectorScan(Section):
    """Before each calendar month, the best stocks of each sector by Sharpe ratio take its slots."""

    enabled: bool = False
    stocks_per_sector: Positive = 2
    lookback_days: Positive = 252
    risk_free_rate: float = Field(default=0.04, ge=0.0, lt=1.0)  # a year

    def rules(self) -> "ScanRules":
        """As the scan takes them."""
        from features.slots.scan import ScanRules

        return ScanRules(
            per_sector=self.stocks_per_sector,
            lookback=self.lookback_days,
            risk_free_rate=self.risk_free_rate,
        )


class Distribution(Section):
    """The values a searched parameter may take; exactly one of the three."""

    choice: tuple[Value, ...] | None = None
    uniform: tuple[float, float] | None = None
    loguniform: tuple[float, float] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "Distribution":
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of choice, uniform and loguniform")
        if self.choice == ():
            raise ValueError("choice is empty")
        low, high = self.uniform or self.loguniform or (1.0, 2.0)
        if not low < high or (self.loguniform is not None and low <= 0):
            raise ValueError("the range runs from a smaller to a larger value, positive for a log")
        return self


class Search(Section):
    """What the sweep tries: every sampled configuration with every seed.

    `scheduler` spreads the steps: `none` gives every trial all, `asha` stops those that are behind
    at rungs, `pbt` lets them copy the weights of those ahead and go on with changed parameters.
    """

    trials: Positive = 8  # configurations x seeds; the last one may have fewer seeds
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(default=(0,), min_length=1)
    algorithm: Literal["random", "optuna"] = "random"
    scheduler: Literal["none", "asha", "pbt"] = "none"
    gpus_per_trial: Share = 0.25  # where the cluster has GPUs; a cap on GPU memory as well
    parameters: dict[str, Distribution] = Field(default_factory=dict)

    @field_validator("seeds")
    @classmethod
    def _unique(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds):
            raise ValueError("a seed is named twice")
        return seeds

    @model_validator(mode="after")
    def _a_population_explores(self) -> "Search":
        if self.scheduler == "pbt" and self.algorithm != "random":
            raise ValueError("pbt proposes the parameters itself: algorithm must be random")
        if self.scheduler == "pbt" and not self.parameters:
            raise ValueError("pbt changes parameters as it goes: name some under parameters")
        return self


class Folds(Section):
    """Walk-forward windows, in trading sessions but for the purge, which is in bars."""

    scheme: Literal["expanding", "rolling"] = "expanding"
    count: Positive = 1
    train_sessions: Positive = 252  # of the first fold; of each fold when rolling
    validation_sessions: Positive = 63
    test_sessions: Positive = 63
    purge_bars: int = Field(default=21, ge=0)
    embargo_sessions: int = Field(default=1, ge=0)


def _environment(value: Any) -> V6Params:
    if isinstance(value, V6Params):
        return value
    if not isinstance(value, dict):
        raise ValueError("is a section of V6 parameters")
    return V6Params.default(**value)


Environment = Annotated[
    InstanceOf[V6Params],
    BeforeValidator(_environment),
    PlainSerializer(lambda params: params.to_dict(), return_type=dict),
]
