"""stress.json: how a bundle's result held under stress, bound to the bundle's id and to itself."""

import hashlib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cluster.errors import BundleError
from cluster.files import canonical_json, write_atomic

STRESS_FILE = "stress.json"


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


class _StressFile(_Numbers):
    stress: StressRecord
    sha256: str


def write_stress(folder: Path, stress: StressRecord) -> None:
    """Write, or replace, the stress record of a bundle."""
    file = _StressFile(stress=stress, sha256=_digest(stress))
    write_atomic(folder / STRESS_FILE, canonical_json(file.model_dump(mode="json")))


def read_stress(folder: Path, bundle_id: str) -> StressRecord | None:
    """The stress record of a bundle; None where there is none.

    Raises:
        BundleError: it was changed, or belongs to another bundle.
    """
    path = folder / STRESS_FILE
    if not path.exists():
        return None
    try:
        file = _StressFile.model_validate_json(path.read_bytes(), strict=True)
    except ValidationError as error:
        raise _refusal(folder, error.errors(include_url=False)[0]["msg"]) from error
    if file.sha256 != _digest(file.stress):
        raise _refusal(folder, "it was changed after it was written")
    if file.stress.bundle_id != bundle_id:
        raise _refusal(folder, f"it is that of bundle {file.stress.bundle_id}")
    return file.stress


def _digest(stress: StressRecord) -> str:
    return hashlib.sha256(canonical_json(stress.model_dump(mode="json"))).hexdigest()


def _refusal(folder: Path, why: str) -> BundleError:
    return BundleError(
        f"the stress record of {folder} is refused",
        why,
        f"copy the bundle again, or delete {STRESS_FILE} and run: ploutos backtest stress",
    )
