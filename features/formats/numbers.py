"""Numbers as people write them: currency signs, thousands, decimal commas, 12.3M, and none."""

from collections.abc import Sequence

import polars as pl

from cluster.errors import DataError
from features.bars.schema import PRICE_COLUMNS

_NONE = ("", "-", "--", "—", "n/a", "na", "nan", "null", "none", "#n/a")
_DECIMAL_COMMA = r"^-?[\d.\s']*\d,(\d{1,2}|\d{4,})$|\.\d{3},\d"
_DECIMAL_POINT = r"^-?[\d,\s']*\d\.(\d{1,2}|\d{4,})$|,\d{3}\.\d|,\d{3},\d{3}"
_FACTORS = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}


def read_numbers(table: pl.DataFrame, columns: Sequence[str], origin: str) -> pl.DataFrame:
    """The columns as numbers where that loses nothing; a column with other text stays text.

    Whether a comma stands before decimals or between thousands is told by all columns together.

    Raises:
        DataError: some say the one, some the other, or it stays open for prices.
    """
    text = [column for column in columns if table.schema[column] == pl.String]
    bare = table.select(_bare(column) for column in text)
    odd = [column for column in text if not _is_numbers(bare[column])]
    if not odd:
        return table.with_columns(bare.cast(pl.Float64).get_columns())
    everything = pl.concat([bare[column].alias("") for column in text]).drop_nulls()
    commas = everything.filter(everything.str.contains(_DECIMAL_COMMA))
    points = everything.filter(everything.str.contains(_DECIMAL_POINT))
    if len(commas) and len(points):
        why = f"{commas[0]!r} has a decimal comma, {points[0]!r} a decimal point"
        raise DataError(f"{origin} mixes ways to write numbers", why, "write all with a point")
    if not len(commas) and not len(points) and any(column in PRICE_COLUMNS for column in odd):
        unclear = everything.filter(everything.str.contains(r"^\d{1,3},\d{3}$"))
        if len(unclear):
            why = f"{unclear[0]!r} may be thousands or have three decimals"
            raise DataError(f"{origin} has numbers of two meanings", why, "write a decimal point")
    read = bare.select(_plain(column, decimal_comma=len(commas) > 0) for column in text)
    return table.with_columns(
        read[column].cast(pl.Float64) if _is_numbers(read[column]) else bare[column]
        for column in text
    )


def _bare(column: str) -> pl.Expr:
    """Without currency signs and spaces; what stands for no number is null."""
    bare = pl.col(column).str.replace_all(r"[$€£\s\u00a0\u202f']|^USD|USD$", "")
    return pl.when(~bare.str.to_lowercase().is_in(_NONE)).then(bare)


def _is_numbers(values: pl.Series) -> bool:
    return values.cast(pl.Float64, strict=False).null_count() == values.null_count()


def _plain(column: str, *, decimal_comma: bool) -> pl.Expr:
    """With a decimal point, without thousands, and 12.3M multiplied out."""
    text = pl.col(column)
    thousands, decimal = (".", ",") if decimal_comma else (",", ".")
    text = text.str.replace_all(thousands, "", literal=True).str.replace(decimal, ".", literal=True)
    letter = text.str.extract(r"^[\d.]+([kKmMbBtT])$").str.to_lowercase()
    factor = letter.replace_strict(_FACTORS, default=1.0, return_dtype=pl.Float64)
    number = text.str.replace(r"[kKmMbBtT]$", "").cast(pl.Float64, strict=False) * factor
    return pl.when(letter.is_not_null()).then(number.cast(pl.String)).otherwise(text).alias(column)
