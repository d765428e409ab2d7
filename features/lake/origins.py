"""Who the bars of a choice were had from, counted."""

from datetime import datetime

import polars as pl
from pydantic import BaseModel, ConfigDict

SIMULATED = "simulated"  # how sources of simulated bars begin


class Origin(BaseModel):
    """The bars of one source and adjustment among others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    adjustment: str
    bars: int
    first: datetime  # UTC
    last: datetime  # UTC
    retrieved: datetime | None  # the last time that some were had from a vendor, UTC


def origins_of(bars: pl.DataFrame) -> tuple[Origin, ...]:
    """The origins of bars as `Lake.scan` gives them, sorted by source and adjustment."""
    counted = bars.group_by("source", "adjustment").agg(
        bars=pl.len(),
        first=pl.col("ts").min(),
        last=pl.col("ts").max(),
        retrieved=pl.col("retrieved").max(),
    )
    return tuple(Origin(**row) for row in counted.sort("source", "adjustment").to_dicts())


def is_simulated(source: str) -> bool:
    """Whether a source, or the series that began with it, is the simulated market."""
    return source.partition("-")[0] == SIMULATED
