"""The 11 GICS sectors, and how sources spell them."""

import polars as pl

# GICS sectors, by the letters of their SPDR fund: XLB, XLC, ...
SECTORS = {
    "B": "Materials",
    "C": "Communication Services",
    "E": "Energy",
    "F": "Financials",
    "I": "Industrials",
    "K": "Information Technology",
    "P": "Consumer Staples",
    "RE": "Real Estate",
    "U": "Utilities",
    "V": "Health Care",
    "Y": "Consumer Discretionary",
}
GICS_SECTORS = tuple(sorted(SECTORS.values()))  # the 11 sectors since 2016-09

# Telecommunication Services was widened and renamed on 2018-09-28 (S&P Dow Jones, MSCI).
_FORMER = {
    "Telecommunication Services": "Communication Services",
    "Telecommunications Services": "Communication Services",
    "Telecommunications": "Communication Services",
}


def with_known_sectors(companies: pl.DataFrame) -> pl.DataFrame:
    """Bring column `sector` to the names of `GICS_SECTORS`, null where it cannot be told.

    Former names are replaced. Some rows of the public list hold a sub-industry in the place of
    the sector: it is looked up among the rows that hold both.

    Args:
        companies: Columns `sector` and `sub_industry`.
    """
    sector = pl.col("sector").str.strip_chars().replace(_FORMER)
    plain = companies.with_columns(sector)
    known = plain.filter(
        pl.col("sector").is_in(GICS_SECTORS) & pl.col("sub_industry").is_not_null()
    )
    of_sub_industry = dict(known.select("sub_industry", "sector").sort(pl.all()).iter_rows())
    names = {**of_sub_industry, **{name: name for name in GICS_SECTORS}}
    return plain.with_columns(pl.col("sector").replace_strict(names, default=None))
