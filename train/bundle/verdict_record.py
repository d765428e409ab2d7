"""verdict.json: what judging said of a bundle, bound to the bundle's id and to itself."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from train.bundle.sealed import SealedFile


class Check(BaseModel):
    """One condition and its number; as text, the sentence that a reader is told."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str
    value: int | float | None  # None: not measured
    threshold: float | None  # None: what is needed is no number
    needs: str  # the threshold in words
    passed: bool
    short_by: int | float | None  # how far the value is from what is needed; 0 when it passed
    why: str = ""
    text: str = ""  # the sentence, where it is not made of the other fields

    def __str__(self) -> str:
        value = "not measured" if self.value is None else f"{self.value:.4g}"
        short = f", short by {self.short_by:.4g}" if self.short_by else ""
        made = f"{self.name} {value}, needs {self.needs}{short}"
        return self.text or made + (f": {self.why}" if self.why else "")

    @classmethod
    def at_least(
        cls, name: str, value: float, threshold: float, *, why: str = "", text: str = ""
    ) -> "Check":
        """`value >= threshold`."""
        return cls(
            name=name,
            value=value,
            threshold=threshold,
            needs=f"at least {threshold:g}",
            passed=value >= threshold,
            short_by=max(threshold - value, 0.0),
            why=why,
            text=text,
        )

    @classmethod
    def more_than(
        cls, name: str, value: float, threshold: float, *, why: str = "", text: str = ""
    ) -> "Check":
        """`value > threshold`."""
        needs, passed = f"more than {threshold:g}", value > threshold
        close = cls.at_least(name, value, threshold, why=why, text=text)
        return close.model_copy(update={"needs": needs, "passed": passed})

    @classmethod
    def at_most(
        cls, name: str, value: float | None, threshold: float, *, why: str = "", text: str = ""
    ) -> "Check":
        """`value <= threshold`; a value that could not be measured has not passed."""
        measured = value is not None
        return cls(
            name=name,
            value=value,
            threshold=threshold,
            needs=f"at most {threshold:g}",
            passed=value is not None and value <= threshold,
            short_by=None if value is None else max(value - threshold, 0.0),
            why=why if measured else "too few trials or sessions to measure it",
            text=text,
        )


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
    checks: tuple[Check, ...] = ()  # what decides; earlier versions wrote down none
    reasons: tuple[str, ...]  # texts of the failed checks; empty when BETTER

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


VERDICT = SealedFile(
    file="verdict.json",
    kind=VerdictRecord,
    key="verdict",
    called="the verdict",
    relation="judges",
    advice="copy it again, or judge the bundle again",
    id_beside=True,
)
