"""What goes over the wire, shared by the endpoint and its client.

A assets in the bundle's slot order, F features in the feature set's order.
"""

from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from features.compute.feature_limit import FEATURE_LIMIT

MAX_ASSETS = 512
MAX_FEATURES = 1024
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$"

Money = Annotated[FiniteFloat, Field(ge=-1e15, le=1e15)]  # USD
PositiveMoney = Annotated[FiniteFloat, Field(gt=0, le=1e15)]  # USD
Feature = Annotated[FiniteFloat, Field(ge=-FEATURE_LIMIT, le=FEATURE_LIMIT)]
Symbol = Annotated[str, Field(min_length=1, max_length=32)]
Action = Annotated[int, Field(ge=0, le=2)]  # HOLD, BUY, SELL; a Literal would take True for 1
Probability = Annotated[FiniteFloat, Field(ge=0, le=1)]


class Wire(BaseModel):
    """No unknown fields, no silent conversion."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Account(Wire):
    """The account at the close of the bar that the features describe."""

    cash: Money
    equity: PositiveMoney
    peak: PositiveMoney  # highest equity so far
    initial_balance: PositiveMoney
    position_values: Annotated[list[Money], Field(min_length=1, max_length=MAX_ASSETS)]  # (A,)


class ActRequest(Wire):
    """One bar's features and the account: all that a decision depends on."""

    feature_fingerprint: Annotated[str, Field(min_length=1, max_length=128)]
    symbols: Annotated[list[Symbol], Field(min_length=1, max_length=MAX_ASSETS)]
    features: Annotated[  # (A, F), as in the aligned table
        list[Annotated[list[Feature], Field(min_length=1, max_length=MAX_FEATURES)]],
        Field(min_length=1, max_length=MAX_ASSETS),
    ]
    account: Account
    ts: Annotated[AwareDatetime, Field(strict=False)]  # open time of the bar
    decision_id: Annotated[str, Field(max_length=128, pattern=ID_PATTERN)]

    @model_validator(mode="after")
    def _one_row_an_asset(self) -> Self:
        assets = len(self.symbols)
        if len(self.features) != assets or len(self.account.position_values) != assets:
            raise ValueError(
                f"{assets} symbols, {len(self.features)} rows of features and "
                f"{len(self.account.position_values)} position values: these must be equal"
            )
        if len({len(row) for row in self.features}) != 1:
            raise ValueError("rows of features differ in length")
        return self


class ActResponse(Wire):
    """One action an asset, with the probabilities of HOLD, BUY and SELL."""

    decision_id: str
    bundle_id: str
    actions: list[Action]  # (A,)
    probabilities: list[Annotated[list[Probability], Field(min_length=3, max_length=3)]]  # (A, 3)
    latency_ms: FiniteFloat  # inside the endpoint


class DataSpan(Wire):
    """The bars that the policy was trained on."""

    label: str
    interval: str
    start: str
    end: str


class ModelSummary(Wire):
    """What a client must know to ask this policy, and what was found out about it."""

    bundle_id: str
    created: str
    scenario: str
    learner: str
    feature_set: str
    feature_fingerprint: str
    feature_names: list[str]
    symbols: list[str]  # slot order
    data: DataSpan
    unproven: str | None = None  # why a person let it past the gate, which it had failed


class Ready(Wire):
    """Answer of /readyz."""

    bundle_id: str


class Fault(Wire):
    """Why a request was refused."""

    code: str
    what: str
    why: str
    next: str


class FaultEnvelope(Wire):
    """The one shape of every error."""

    error: Fault
