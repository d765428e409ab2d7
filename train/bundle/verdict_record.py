"""verdict.json: what judging said of a bundle, bound to the bundle's id and to itself."""

import hashlib
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cluster.errors import BundleError
from cluster.files import canonical_json

VERDICT_FILE = "verdict.json"


class BaselineExcess(BaseModel):
    """Sharpe ratio a year above one baseline, its 95 % bootstrap interval, and Hansen's test.

    Older files tell kind and symbol by the name only.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    baseline: str  # its name, of kind and symbol
    kind: str = Field(default_factory=lambda row: row["baseline"].partition(" ")[0])
    symbol: str = Field(default_factory=lambda row: row["baseline"].partition(" ")[2])
    excess: float
    low: float
    high: float
    spa_p: float | None = Field(default=None, ge=0.0, le=1.0)  # of the mean excess a day


class RandomTrading(BaseModel):
    """How policies did that trade at random, invested and turned over like the candidate."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    policies: int
    sharpe: float  # a year, their median
    turnover: float  # a year, their mean
    exposure: float  # their mean, 0..1
    quantile: float = Field(ge=0.0, le=1.0)  # of the candidate's Sharpe ratio among theirs


class VerdictRecord(BaseModel):
    """The numbers of a verdict; `train.verdict.verdict.judge` makes it."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    label: Literal["BETTER", "NOT BETTER"]
    sharpe: float  # a year, out of sample
    sharpe_low: float  # 95 % bootstrap interval
    sharpe_high: float
    deflated_sharpe: float = Field(ge=0.0, le=1.0)  # probability
    deflation_threshold: float  # Sharpe a year that the best of so many blind trials reaches
    trials: int = Field(ge=1)
    days: int
    effective_trials: int | None = None  # clusters of trials; never lowers the bar
    deflated_sharpe_effective: float | None = Field(default=None, ge=0.0, le=1.0)
    overfitting: float | None = Field(default=None, ge=0.0, le=1.0)  # None: cannot be measured
    ledger: tuple[tuple[str, str], ...] = ()  # trial and hash of each row that it rests on
    random: RandomTrading | None = None  # decides nothing
    readings: int | None = None  # times that the test window was read, this one included
    excess: tuple[BaselineExcess, ...]
    reasons: tuple[str, ...]  # what failed, with numbers; empty when BETTER

    @property
    def better(self) -> bool:
        """Whether the policy passed everything."""
        return self.label == "BETTER"

    @property
    def headline(self) -> str:
        """One line: the numbers, then the answer."""
        return (
            f"out-of-sample Sharpe {self.sharpe:.2f} [{self.sharpe_low:.2f}, "
            f"{self.sharpe_high:.2f}], deflated {self.deflated_sharpe:.2f} over "
            f"{self.trials} trial(s): {self.label}"
        )


def verdict_bytes(bundle_id: str, verdict: VerdictRecord) -> bytes:
    """The content of verdict.json."""
    told = _told(bundle_id, verdict)
    return canonical_json(told | {"sha256": _digest(told)})


class _VerdictFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    bundle_id: str
    verdict: VerdictRecord
    sha256: str


def parse_verdict(data: bytes, bundle_id: str, origin: str) -> VerdictRecord:
    """Read verdict.json.

    Raises:
        BundleError: it is not valid, was changed, or belongs to another bundle.
    """
    try:
        file = _VerdictFile.model_validate_json(data, strict=True)
    except ValidationError as error:
        raise _refusal(origin, error.errors(include_url=False)[0]["msg"]) from error
    if file.sha256 != _digest(_told(file.bundle_id, file.verdict)):
        raise _refusal(origin, "it was changed after it was written")
    if file.bundle_id != bundle_id:
        raise _refusal(origin, f"it judges bundle {file.bundle_id}")
    return file.verdict


def _told(bundle_id: str, verdict: VerdictRecord) -> dict[str, Any]:
    """What is hashed: fields that the writer did not know stay out, so old verdicts stay valid."""
    return {"bundle_id": bundle_id, "verdict": verdict.model_dump(mode="json", exclude_unset=True)}


def _digest(told: dict[str, Any]) -> str:
    return hashlib.sha256(canonical_json(told)).hexdigest()


def _refusal(origin: str, why: str) -> BundleError:
    return BundleError(
        f"the verdict of {origin} is refused", why, "copy it again, or judge the bundle again"
    )
