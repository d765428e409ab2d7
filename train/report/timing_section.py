"""The report's section on the timing of trades."""

from train.diagnose.timing import SIDES, TARGET, Timing, TimingRow
from train.report import html as html


def timing_words(found: Timing) -> list[str]:
    """A sentence for buys, for sells and for missed moves."""
    told = [_trades(row) for side in SIDES if (row := found.row(side)) is not None]
    for move in found.missed:
        how = "not held" if move.move == "rise" else "held"
        told.append(
            f"Strong {move.move}s: {how} in {move.wrong:.0%} of {move.bars:,} asset-bars "
            f"({move.low:.0%} to {move.high:.0%}); at any bar {move.usual:.0%}."
        )
    return told


def timing_section(found: Timing | None, chart: str) -> str:
    """The sentences above the chart, which is HTML; what there is instead without trades."""
    if found is None:
        return html.section("Timing", html.note("Too few trades to say anything of their timing."))
    lead = html.note(
        "A buy is good when the mean of the next ten closes lies more than 1 % above its price, a "
        f"sell when it lies below. The original sought more than {TARGET:.0%} good buys. Grey: "
        "where 95 % of random trades lie, as many, of the same assets, at the same hours."
    )
    return html.section("Timing", lead, html.bullets(timing_words(found)), chart)


def _trades(row: TimingRow) -> str:
    text = (
        f"Good {row.side}s: {row.good:.0%} of {row.trades:,} "
        f"(95 %: {row.low:.0%} to {row.high:.0%}), bad {row.bad:.0%}"
    )
    if row.random is None:
        return f"{text}."
    return f"{text}; random {row.side}s {row.random:.0%}."
