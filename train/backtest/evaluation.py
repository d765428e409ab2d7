"""One deterministic pass of a policy over a window of bars, and what it leaves behind."""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt

from cluster.errors import DataError
from envs import Market, V6Params, Window
from envs.arrays import Float64, Int64
from features.bars.sessions import SESSIONS_A_YEAR
from train.policy.contract import Act
from train.stats import metrics


@dataclass(frozen=True, eq=False)
class Evaluation:
    """N decisions over D sessions; a baseline leaves the same thing as a policy.

    After ruin the account is taken as closed at its last mark: it earns nothing any more.
    """

    kind: str  # policy, or which baseline
    sessions: Int64  # (D,) session numbers
    session_dates: npt.NDArray[np.datetime64]  # (D,) datetime64[D], NaT where the clock is unknown
    daily_returns: Float64  # (D,) simple; the first one relative to the initial balance
    bars: Int64  # (N,) bars whose close the equity is marked at
    equity: Float64  # (N + 1,) USD; [0] is the initial balance
    invested: Float64  # (N,) USD in positions at each mark
    traded: Float64  # (N,) USD, buys and sells both positive, at prices before costs
    costs: Float64  # (N,) USD lost to slippage, spread, fees and commission
    fills: int
    actions: npt.NDArray[np.int8] | None  # (N, A); None for a baseline, which sends no actions
    ruined: bool = False
    shares: Float64 | None = None  # (N, A) units held at each mark; None where nobody noted them
    symbol: str = ""  # that a baseline holds, where it holds but one

    @property
    def name(self) -> str:
        """What tables and charts call it: `flat`, or `buy_and_hold SPY`."""
        return f"{self.kind} {self.symbol}".rstrip()

    @property
    def days(self) -> int:
        """D."""
        return len(self.daily_returns)

    @property
    def sharpe_ratio(self) -> float:
        """A year; see `train.stats.metrics.sharpe_ratio`."""
        return metrics.sharpe_ratio(self.daily_returns)

    @property
    def performance(self) -> metrics.Performance:
        """Every number of `train.stats.metrics` over the daily returns."""
        return metrics.performance(self.daily_returns)

    @property
    def turnover(self) -> float:
        """Half of what was traded, in mean equities a year."""
        return metrics.turnover(self.traded, self.equity[1:], self.days)

    @property
    def exposure(self) -> float:
        """Mean share of the equity in positions, 0..1."""
        return metrics.exposure(self.invested, self.equity[1:])

    @property
    def cost_drag(self) -> float:
        """Costs as a share of the mean equity, a year."""
        paid = float(np.sum(self.costs)) / float(np.mean(self.equity[1:]))
        return paid * SESSIONS_A_YEAR / self.days

    def dates(self) -> list[date]:
        """The sessions as dates (D,).

        Raises:
            DataError: the Market has no clock.
        """
        if np.isnat(self.session_dates).any():
            raise DataError("the sessions have no dates", "the Market was made without ts")
        dates: list[date] = self.session_dates.tolist()
        return dates

    def to_dict(self) -> dict[str, float]:
        """The numbers of a results table."""
        return self.performance.to_dict() | {
            "turnover": self.turnover,
            "exposure": self.exposure,
            "cost_drag": self.cost_drag,
            "fills": self.fills,
        }


@dataclass(eq=False)
class Course:
    """The marks of one account while it walks through a window; `finish` sums them up."""

    market: Market
    window: Window  # the last bar only marks the account
    params: V6Params

    def __post_init__(self) -> None:
        low, last = self.window.start, self.window.last
        if not 0 <= low < last < self.market.num_bars:
            raise DataError(
                f"bars [{low}, {last}] are no window of {self.market.num_bars} bars",
                "a window needs at least two bars, inside the market",
                "choose another window",
            )
        count = last - low
        self.bars = np.arange(low, last) + self.params.fill_lag  # (N,)
        self.equity = np.zeros(count)  # (N,) USD
        self.cash = np.zeros(count)  # (N,) USD
        self.traded = np.zeros(count)  # (N,) USD
        self.costs = np.zeros(count)  # (N,) USD
        self.actions = np.zeros((count, self.market.num_assets), np.int8)
        self.shares = np.zeros((count, self.market.num_assets))
        self.fills = 0

    def __len__(self) -> int:
        return len(self.bars)

    def close_out(self, step: int) -> None:
        """End in ruin after `step`: from then on the account is cash, and nothing happens."""
        self.equity[step + 1 :] = self.cash[step + 1 :] = self.equity[step]

    def finish(
        self, kind: str, *, sent_actions: bool, symbol: str = "", ruined: bool = False
    ) -> Evaluation:
        """Daily returns: equity at the last marked bar of each session over the one before."""
        session = self.market.session[self.bars]
        last = np.flatnonzero(np.diff(session, append=session[-1] + 1))  # (D,)
        path = np.concatenate([[float(self.params.initial_balance)], self.equity[last]])
        return Evaluation(
            kind=kind,
            sessions=session[last],
            session_dates=self.market.ts[self.bars[last]].astype("datetime64[D]"),
            daily_returns=path[1:] / path[:-1] - 1.0,
            bars=self.bars,
            equity=np.concatenate([path[:1], self.equity]),
            invested=self.equity - self.cash,
            traded=self.traded,
            costs=self.costs,
            fills=self.fills,
            actions=self.actions if sent_actions else None,
            ruined=ruined,
            shares=self.shares,
            symbol=symbol,
        )


def evaluate(
    act: Act,
    market: Market,
    params: V6Params,
    window: Window,
    *,
    seed: int = 0,
    kind: str = "policy",
) -> Evaluation:
    """Walk a policy once through a window: decisions at every bar but the last.

    Args:
        act: raw full observation (1, D) f32 -> actions (1, A).
        market: bars with raw (not normalised) features.
        params: V6 parameters; the time limit is lifted to the whole window.
        window: the bars; the last one only marks the account.
        seed: of the slippage draws.
        kind: what tables and charts call it.

    Raises:
        DataError: the window does not lie inside the market.
    """
    from envs import TradingVectorEnv

    course = Course(market, window, params)
    whole = replace(params, max_steps=window.stop)
    env = TradingVectorEnv(market, whole, num_envs=1, observation="full", window=window)
    observation, _ = env.reset(seed=seed, options={"start": window.start})
    for step in range(len(course)):
        actions = act(observation)
        observation, _, terminated, _, infos = env.step(actions)
        course.actions[step] = actions[0]
        course.equity[step], course.cash[step] = infos["equity"][0], infos["cash"][0]
        course.traded[step], course.costs[step] = infos["turnover"][0], infos["costs"][0]
        course.shares[step] = env.batch.state.shares[0]
        course.fills = int(infos["total_trades"][0])
        if terminated[0]:
            course.close_out(step)
            return course.finish(kind, sent_actions=True, ruined=True)
    return course.finish(kind, sent_actions=True)
