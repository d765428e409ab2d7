"""What the problems of `make truth` add up to: rates with their 95 % intervals, and truth.json.

The naive rule beside the gate is "take the best backtest": of all trials, the one with the highest
Sharpe ratio on the test window is promoted when that is above equal weight's on the same window,
at the same costs.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

MAX_FALSE_PROMOTIONS = 0.05
MIN_POWER = 0.8  # at the largest planted edge
LEVEL = 0.95
ORIGINAL_TARGET = 1.5  # Sharpe ratio of the original's own rule

Results = Sequence[dict[str, Any]]  # of `train.controls.truth_problem.run_problem`


def binomial_interval(hits: int, trials: int) -> tuple[float, float]:
    """Exact 95 % interval of a share: Clopper and Pearson, Biometrika 26(4), 1934."""
    from scipy.stats import binomtest

    found = binomtest(hits, trials).proportion_ci(LEVEL, method="exact")
    return float(found.low), float(found.high)


def naive_promotes(result: dict[str, Any]) -> bool:
    """Whether "take the best backtest" would have promoted something."""
    return bool(result["best_backtest"] > result["equal_weight"])


def summarise(results: Results, seed: int) -> dict[str, Any]:
    """The content of truth.json; shares are of 1, edges are the simulated market's.

    Args:
        results: of all problems; those of edge 0 tell of false promotions, the others of power.
        seed: of the first problem.
    """
    without = [result for result in results if result["edge"] == 0.0]
    edges = sorted({result["edge"] for result in results} - {0.0})
    planted = {f"{edge:g}": [r for r in results if r["edge"] == edge] for edge in edges}
    rates: dict[str, Any] = _rate("false_promotion_rate", _promoted(without))
    rates |= _rate("naive_promotion_rate", map(naive_promotes, without))
    above = [r["best_backtest"] > ORIGINAL_TARGET for r in without]
    rates |= _rate("naive_above_1.5_rate", above)
    for name, rule in (("power", _promoted), ("naive_power", _naive)):
        parts = {edge: _rate("rate", rule(some)) for edge, some in planted.items()}
        rates[name] = {edge: part["rate"] for edge, part in parts.items()}
        rates[f"{name}_95"] = {edge: part["rate_95"] for edge, part in parts.items()}
    return rates | {
        "problems": len(without),
        "power_problems": {edge: len(some) for edge, some in planted.items()},
        "trials_each": results[0]["trials"],
        "seed": seed,
        "blocked_by": {edge: _blocked(some) for edge, some in [("0", without), *planted.items()]},
        "size": results[0]["size"],
        "code_version": results[0]["code_version"],
        "cpu_seconds": round(sum(result["cpu_seconds"] for result in results)),
    }


def shortfalls(summary: dict[str, Any]) -> list[str]:
    """What must hold and does not, in words."""
    told = []
    if summary["false_promotion_rate"] is None:
        told.append("no problem without an edge was run")
    elif summary["false_promotion_rate"] > MAX_FALSE_PROMOTIONS:
        told.append(
            f"{summary['false_promotion_rate']:.1%} of the problems without an edge were promoted, "
            f"at most {MAX_FALSE_PROMOTIONS:.0%} may be"
        )
    largest = max(summary["power"], key=float, default=None)
    if largest is not None and summary["power"][largest] < MIN_POWER:
        told.append(
            f"power {summary['power'][largest]:.0%} at edge {largest}, needs {MIN_POWER:.0%}"
        )
    return told


def table(summary: dict[str, Any]) -> str:
    """The rates as a Markdown table, as docs/log.md has them, and what the gate refused for."""
    rows = [("0", summary["problems"], _cell(summary, "false_promotion_rate"))]
    naive = {"0": _cell(summary, "naive_promotion_rate")}
    for edge, count in summary["power_problems"].items():
        rows.append((edge, count, _cell(summary, "power", edge)))
        naive[edge] = _cell(summary, "naive_power", edge)
    lines = [
        "| edge | problems | promoted by the gate | best backtest taken |",
        "|---|---:|---|---|",
    ]
    lines += [f"| {edge} | {count} | {gate} | {naive[edge]} |" for edge, count, gate in rows]
    for edge, found in summary["blocked_by"].items():
        told = ", ".join(f"{name} {count}" for name, count in found.items())
        lines.append(f"edge {edge} refused by: {told or 'nothing'}")
    return "\n".join(lines)


def _cell(summary: dict[str, Any], name: str, edge: str | None = None) -> str:
    rate, interval = summary[name], summary[f"{name}_95"]
    if edge is not None:
        rate, interval = rate[edge], interval[edge]
    return f"{rate:.1%} [{interval[0]:.1%}, {interval[1]:.1%}]" if interval else "not run"


def _promoted(results: Results) -> list[bool]:
    return [bool(result["promoted"]) for result in results]


def _naive(results: Results) -> list[bool]:
    return [naive_promotes(result) for result in results]


def _rate(name: str, outcomes: Iterable[bool]) -> dict[str, Any]:
    known = list(outcomes)
    if not known:
        return {name: None, f"{name}_95": None}
    low, high = binomial_interval(sum(known), len(known))
    return {name: sum(known) / len(known), f"{name}_95": [round(low, 5), round(high, 5)]}


def _blocked(results: Results) -> dict[str, int]:
    """How many problems each check refused, the strictest first; one problem counts in several."""
    return dict(Counter(name for result in results for name in result["failed"]).most_common())
