"""stress.json: how a bundle's result held under stress, bound to the bundle's id and to itself."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from train.bundle.sealed import SealedFile


class _Numbers(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Spread(_Numbers):
    """Sharpe ratios a year of several walks: never only the best."""

    count: int = Field(ge=1)
    median: float
    low: float
    high: float


class Harder(_Numbers):
    """The test window under worse terms."""

    name: str
    sharpe: float  # a year
    total_return: float
    max_drawdown: float
    equal_weight: float  # its Sharpe ratio under the same terms


class RegimeResult(_Numbers):
    """The sessions that began in one kind of market."""

    name: str
    sessions: int
    sharpe: float | None  # a year; None: too few sessions
    mean_return: float  # a session
    equal_weight: float | None  # its Sharpe ratio there


class StressRecord(_Numbers):
    """What `train.diagnose.stress.stress` measured on the test window of a bundle."""

    bundle_id: str
    seeds: Spread | None  # trained with the same configuration; None: the ledger knows none
    harder: tuple[Harder, ...]  # the first one: as it was
    regimes: tuple[RegimeResult, ...]
    starts: Spread  # begun up to a month later


STRESS = SealedFile(
    file="stress.json",
    kind=StressRecord,
    key="stress",
    called="the stress record",
    relation="is that of",
    advice="copy the bundle again, or move stress.json away and run: ploutos backtest stress",
)


def write_stress(folder: Path, stress: StressRecord) -> None:
    """Write, or replace, the stress record of a bundle."""
    STRESS.write(folder, stress.bundle_id, stress)


def read_stress(folder: Path, bundle_id: str) -> StressRecord | None:
    """The stress record of a bundle; None where there is none.

    Raises:
        BundleError: it was changed, or belongs to another bundle.
    """
    return STRESS.read(folder, bundle_id)
