"""What a policy bundle says about itself: the manifest, strict in both directions."""

import hashlib
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    PlainSerializer,
    ValidationError,
    model_validator,
)

from cluster.errors import BundleError
from cluster.files import canonical_json
from envs.window import Window
from features.bars.symbols import canonical_symbols
from features.lake.origins import Origin

if TYPE_CHECKING:
    from features.slots.bars import SlotRules

SCHEMA_VERSION = 1

BundleFile = Literal["policy.onnx", "sb3.zip"]
Sha256 = Field(pattern=r"^[0-9a-f]{64}$")


def _read_window(value: Any) -> Any:
    if isinstance(value, list | tuple) and len(value) == 2 and all(type(n) is int for n in value):
        return Window(*value)
    return value


# Two bar numbers in the file: the first bar, and the one after the last.
BarRange = Annotated[
    InstanceOf[Window],
    BeforeValidator(_read_window),
    PlainSerializer(lambda window: (window.start, window.stop), return_type=tuple[int, int]),
]


class Part(BaseModel):
    """A frozen piece of the manifest: no unknown keys, no NaN; from a file, no conversions."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Normalisation(Part):
    """Mean and standard deviation of each feature column over the training fold, (F,) each."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


class DataSpan(Part):
    """The bars that the policy was trained, chosen and judged on."""

    label: str  # "SIMULATED", or the name of a source
    interval: str
    start: AwareDatetime
    end: AwareDatetime
    fingerprint: str
    bars: int = Field(gt=0)
    origins: tuple[Origin, ...] | None = None  # who had them, and how, where the lake says so


class FoldSpan(Part):
    """Bar index ranges of one fold, as `train.market.folds` states them."""

    index: int
    train: BarRange
    validation: BarRange
    test: BarRange


class ScanSpan(Part):
    """The rules of the monthly scans; see `features.slots.scan.ScanRules`."""

    per_sector: int
    lookback: int
    risk_free_rate: float
    min_history: float
    min_dollar_volume: float


class SlotSpan(Part):
    """What settles who sits in the slots of a policy; see `features.slots.bars.SlotRules`."""

    start: date
    scan: ScanSpan

    def rules(self) -> "SlotRules":
        """As `slotted_bars` takes them."""
        from features.slots.bars import SlotRules

        return SlotRules.from_dict(self.model_dump(mode="json"))


class Lineage(Part):
    """The trial that the policy comes from."""

    sweep: str
    trial: str
    seed: int
    config: dict[str, Any]


class ManifestFields(Part):
    """What the maker of a bundle states; `save_bundle` adds the files and the id."""

    scenario: str
    learner: str
    feature_set: str
    feature_fingerprint: str
    feature_names: tuple[str, ...] = Field(min_length=1)
    symbols: tuple[str, ...] = Field(min_length=1)  # slot order
    v6_params: dict[str, Any]
    normaliser: Normalisation
    data: DataSpan
    folds: tuple[FoldSpan, ...]
    lineage: Lineage
    metrics: dict[str, float]
    problem: str  # of the trial ledger
    created: AwareDatetime
    slots: SlotSpan | None = None  # where symbols are slots; None: where they are names
    risk: dict[str, int | float] | None = None  # limits that the scenario sets for the trader

    @model_validator(mode="after")
    def _sizes_agree(self) -> "ManifestFields":
        columns = len(self.feature_names)
        if len(self.normaliser.mean) != columns or len(self.normaliser.std) != columns:
            raise ValueError(f"the normaliser is not for {columns} feature columns")
        if any(std <= 0.0 for std in self.normaliser.std):
            raise ValueError("a standard deviation of the normaliser is not positive")
        if len(set(self.symbols)) != len(self.symbols):
            raise ValueError("a symbol is named twice")
        return self

    @property
    def tickers(self) -> tuple[str, ...]:
        """The symbols as bars have them; older bundles may name the same class BRK.B."""
        return canonical_symbols(self.symbols)

    @property
    def num_assets(self) -> int:
        """A."""
        return len(self.symbols)

    @property
    def observation_size(self) -> int:
        """D = A * F + A + 3, the length of the raw full observation."""
        return self.num_assets * (len(self.feature_names) + 1) + 3


class Manifest(ManifestFields):
    """The content of manifest.json."""

    schema_version: Literal[1]
    bundle_id: str = Field(pattern=r"^[0-9a-f]{16}$")
    files: dict[BundleFile, str]  # file name -> sha256 of its bytes

    def check_features(self, fingerprint: str) -> None:
        """Refuse a policy that learned on other features than the caller computes.

        Args:
            fingerprint: of the caller's feature set, see `features.feature_fingerprint`.

        Raises:
            BundleError: it did.
        """
        if fingerprint != self.feature_fingerprint:
            raise BundleError(
                f"bundle {self.bundle_id} was made with other features",
                f"feature set {self.feature_set} {self.feature_fingerprint[:16]}, "
                f"here {fingerprint[:16]}",
                "use the version that made it, or train a bundle with this one: ploutos tune run",
            )

    @model_validator(mode="after")
    def _id_fits(self) -> "Manifest":
        if "policy.onnx" not in self.files:
            raise ValueError("files names no policy.onnx")
        if self.bundle_id != bundle_id_of(self.model_dump(mode="json")):
            raise ValueError("bundle_id is not the hash of the rest: the manifest was changed")
        return self


def bundle_id_of(values: dict[str, Any]) -> str:
    """First 16 hex digits of the SHA-256 over everything else in the manifest, files included."""
    rest = {name: value for name, value in values.items() if name != "bundle_id"}
    for name in ("slots", "risk"):  # as bundles were hashed before there were these
        if rest.get(name) is None:
            rest.pop(name, None)
    if rest["data"].get("origins") is None:
        rest["data"] = {key: value for key, value in rest["data"].items() if key != "origins"}
    return hashlib.sha256(canonical_json(rest)).hexdigest()[:16]


def complete(stated: ManifestFields, files: dict[BundleFile, str]) -> Manifest:
    """The manifest of a bundle with these files."""
    values = stated.model_dump(mode="json") | {"schema_version": SCHEMA_VERSION, "files": files}
    return parse_manifest(canonical_json(values | {"bundle_id": bundle_id_of(values)}), "a bundle")


def parse_manifest(text: bytes, origin: str) -> Manifest:
    """Read manifest.json.

    Raises:
        BundleError: another schema version, a missing, unknown or wrong field; names it.
    """
    try:
        return Manifest.model_validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        why = first["msg"].removeprefix("Value error, ")
        raise BundleError(
            f"the manifest of {origin} is not valid",
            f"{place}: {why}" if place else why,
            "make the bundle again with `ploutos tune run`, or copy it again",
        ) from error
