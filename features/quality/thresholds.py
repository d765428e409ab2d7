"""The thresholds of the quality checks; the report prints them."""

from dataclasses import dataclass

SPLIT_FACTORS = (1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100)
UNIT_FACTORS = (10, 100, 1000)


@dataclass(frozen=True)
class Thresholds:
    """When a check raises an alarm. Moves are log returns, less the market's on that session.

    `sigma` is the symbol's own: 1.4826 times the median absolute move of the `window` sessions
    before, at least that session's over all symbols. `volume` is the session's over the median of
    the 20 before, divided by the same ratio of the market.
    """

    window: int = 60  # sessions of the past that a move is measured against
    unrest: int = 10  # sessions: the median over these counts when it is larger
    min_history: int = 30  # sessions of a symbol before its moves are judged
    market: int = 5  # symbols on a session, from which on there is a market to compare with
    peers: int = 2  # other symbols that made half the move or more; beyond it the move is shared
    move: float = 0.10  # smallest move that is judged
    gap_per_volume: float = 15.0  # sigma of the overnight gap per unit of volume: false above it
    traded: float = 8.0  # volume from which on a move of any size is real
    bar_per_volume: float = 7.5  # sigma of the whole move per unit of volume: false above it
    quiet: float = 2.0  # volume of the bar that takes a spike back, at most
    returned: float = 0.25  # a spike: the next session takes back all but this share of the move
    split_rounding: float = 0.03  # log distance of the overnight ratio from a split factor
    split_volume: float = 0.65  # distance of the volume's level from the inverse, of the log factor
    split_busy: float = 0.9  # log distance of the split day's own volume from the inverse
    unit_rounding: float = 0.12  # log distance from 10, 100 or 1000
    volume_unit: float = 50.0  # lasting change of the volume's level at an unchanged price
    stale_run: int = 3  # bars that repeat the close without volume, or repeat the whole bar
    zero_volume: float = 0.005  # share of the bars
    gap_share: float = 0.01  # share of the expected bars that are missing
    gap_run: int = 21  # sessions missing in a row
    cent_share: float = 0.6  # share of closes on whole cents, below it prices are adjusted
