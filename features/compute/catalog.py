"""The feature sets: which columns a network sees, in which order."""

from collections.abc import Sequence
from functools import cache
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
FEATURE_SETS: dict[str, tuple[ModuleType, ...]] = {
    "v6": _V6,
    "sectors": (*_V6, market, sector, session),
}


@cache
def feature_quantities(feature_set: str = "v6") -> dict[str, Quantity]:
    """Everything the set computes by name: its columns and what they share, as defined.

    Raises:
        ConfigError: There is no such set.
    """
    if feature_set not in FEATURE_SETS:
        known = ", ".join(FEATURE_SETS)
        raise ConfigError(
            f"no feature set {feature_set!r}", f"there is {known}", "ploutos features show"
        )
    return {
        member.name: member
        for module in FEATURE_SETS[feature_set]
        for member in vars(module).values()
        if isinstance(member, Quantity) and member.formula.__module__ == module.__name__
    }


def feature_columns(feature_set: str = "v6", scope: Scope | None = None) -> tuple[Column, ...]:
    """Columns of the set, or those of one scope, family by family in the order of definition."""
    return tuple(
        member
        for member in feature_quantities(feature_set).values()
        if isinstance(member, Column) and scope in (None, member.scope)
    )


def feature_names(feature_set: str = "v6") -> tuple[str, ...]:
    """Names of the columns, in order."""
    return tuple(column.name for column in feature_columns(feature_set))


def feature_scales(feature_set: str = "v6") -> tuple[float, ...]:
    """Divisors that bring the raw columns to order 1, in the order of `feature_names`."""
    return tuple(column.scale for column in feature_columns(feature_set))


def warmup_bars(feature_set: str = "v6") -> int:
    """Bars of a symbol before every column is a full-window measurement: the longest memory."""
    return max(column.warmup for column in feature_columns(feature_set))


def feature_fingerprint(feature_set: str = "v6") -> str:
    """SHA-256 (hex) that changes with a name, formula, memory, scale or the order of the columns.

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
        for column in feature_columns(feature_set)
    ]
    return sha256(canonical_json([FORMULAS_VERSION, content])).hexdigest()


def reference_page() -> str:
    """docs/reference/features.md: every column of every set, from the definitions."""
    parts = [
        "# Reference: the feature columns",
        "Made from the definitions in `features/columns/` by "
        "`python -m features.compute > docs/reference/features.md`; do not edit.\n"
        "What the columns promise, and what the words mean: [Features](../features.md).",
    ]
    beyond = ""
    for name in FEATURE_SETS:
        columns = feature_columns(name)
        less = f", those of `{beyond}` and these" if beyond else ""
        parts.append(f"## The set `{name}`")
        parts.append(
            f"{len(columns)} columns{less}. Warm-up {warmup_bars(name)} bars. "
            f"Fingerprint `{feature_fingerprint(name)}`."
        )
        parts.append(_table([c for c in columns if not beyond or c.name not in feature_names()]))
        beyond = name
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
