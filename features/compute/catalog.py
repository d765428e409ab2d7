"""The feature sets: which columns a network sees, in which order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from types import ModuleType

from cluster.errors import ConfigError
from cluster.files import canonical_json
from features.columns import (
    bollinger,
    candles,
    divergence,
    market,
    momentum,
    prices,
    reversion,
    score,
    sector,
    session,
    support,
    trend,
    volatility,
    volume,
)
from features.formulas.column import Column, Quantity, Scope

FORMULAS_VERSION = 1  # raise it when a value changes that the formula's words do not show

_V6 = (
    prices,
    support,
    reversion,
    volume,
    candles,
    divergence,
    bollinger,
    score,
    momentum,
    trend,
    volatility,
)


@dataclass(frozen=True, eq=False)
class FeatureSet:
    """A feature set: what it computes, and which columns of that a network sees, in which order.

    Attributes:
        name: What scenarios and bundles call it.
        quantities: Everything it computes by name: its columns and what they share, as defined.
    """

    name: str
    quantities: Mapping[str, Quantity] = field(repr=False)

    @classmethod
    def of(cls, feature_set: "str | FeatureSet") -> "FeatureSet":
        """The set of that name; a set is handed back as it is.

        Raises:
            ConfigError: There is no such set.
        """
        if isinstance(feature_set, FeatureSet):
            return feature_set
        if feature_set not in FEATURE_SETS:
            raise ConfigError(
                f"no feature set {feature_set!r}",
                f"there is {', '.join(FEATURE_SETS)}",
                "ploutos features show",
            )
        return FEATURE_SETS[feature_set]

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """(F,) the columns, family by family in the order of definition."""
        return tuple(each for each in self.quantities.values() if isinstance(each, Column))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """(F,) names of the columns."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def scales(self) -> tuple[float, ...]:
        """(F,) divisors that bring the raw columns to order 1."""
        return tuple(column.scale for column in self.columns)

    @cached_property
    def warmup(self) -> int:
        """Bars of a symbol before every column is a full-window measurement."""
        return max(column.warmup for column in self.columns)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) that changes with a name, formula, memory, scale or the columns' order.

        It reads a formula as its words and the names it refers to: code may change without meaning.
        """
        content = [
            [
                column.name,
                column.words,
                sorted({*column.formula().meta.root_names()} - {"bar_number"}),
                column.warmup,
                column.scale,
            ]
            for column in self.columns
        ]
        return sha256(canonical_json([FORMULAS_VERSION, content])).hexdigest()

    @property
    def compares_symbols(self) -> bool:
        """Whether a column compares symbols, for which it needs their sectors."""
        return bool(self.of_scope("panel"))

    def of_scope(self, scope: Scope) -> tuple[Column, ...]:
        """The columns that are computed over the bars of one symbol, or over all symbols."""
        return tuple(column for column in self.columns if column.scope == scope)


def _feature_set(name: str, *families: ModuleType) -> FeatureSet:
    """All columns and quantities that the modules of the families define."""
    quantities = {
        member.name: member
        for module in families
        for member in vars(module).values()
        if isinstance(member, Quantity) and member.formula.__module__ == module.__name__
    }
    return FeatureSet(name, quantities)


FEATURE_SETS = {
    made.name: made
    for made in (
        _feature_set("v6", *_V6),
        _feature_set("sectors", *_V6, market, sector, session),
    )
}


def feature_names(feature_set: str = "v6") -> tuple[str, ...]:
    """Names of a set's columns, in order."""
    return FeatureSet.of(feature_set).names


def warmup_bars(feature_set: str = "v6") -> int:
    """How many bars of a symbol a set takes to warm up: the longest memory of its columns."""
    return FeatureSet.of(feature_set).warmup


def feature_fingerprint(feature_set: str = "v6") -> str:
    """SHA-256 (hex) of a set's definitions, as bundles carry it."""
    return FeatureSet.of(feature_set).fingerprint


def reference_page() -> str:
    """docs/reference/features.md: every column of every set, from the definitions."""
    parts = [
        "# Reference: the feature columns",
        "Made from the definitions in `features/columns/` by "
        "`python -m features.compute > docs/reference/features.md`; do not edit.\n"
        "What the columns promise, and what the words mean: [Features](../features.md).",
    ]
    smaller: FeatureSet | None = None
    for each in FEATURE_SETS.values():
        less = f", those of `{smaller.name}` and these" if smaller else ""
        parts.append(f"## The set `{each.name}`")
        parts.append(
            f"{len(each.columns)} columns{less}. Warm-up {each.warmup} bars. "
            f"Fingerprint `{each.fingerprint}`."
        )
        listed = smaller.names if smaller else ()
        parts.append(_table([column for column in each.columns if column.name not in listed]))
        smaller = each
    return "\n\n".join(parts) + "\n"


def _table(columns: Sequence[Column]) -> str:
    """The columns as a Markdown table, one row a column."""
    head = ["| column | family | formula | source and limits | warm-up | scale |"]
    return "\n".join([*head, "|---|---|---|---|---:|---:|", *map(_row, columns)])


def _row(column: Column) -> str:
    words, remark = (text.replace("|", "\\|") for text in (column.words, column.remark))
    scale = "flag" if column.is_flag else f"{column.scale:g}"
    cells = (f"`{column.name}`", column.family, words, remark, str(column.warmup), scale)
    return f"| {' | '.join(cells)} |"
