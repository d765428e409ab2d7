"""The policy port: features and account in, one action a symbol out."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from envs.rules import BUY, HOLD, SELL
from features.compute.feature_limit import FEATURE_LIMIT
from serve.errors import PolicyUnavailableError
from trade.orders.orders import Side


@dataclass(frozen=True, slots=True)
class AccountView:
    """What the policy sees of the account, marked at the close of the bar it decides on.

    Args:
        cash: USD.
        equity: USD.
        peak: USD.
        initial_balance: USD.
        position_values: (A,) f64, USD, in slot order.
    """

    cash: float
    equity: float
    peak: float
    initial_balance: float
    position_values: np.ndarray


@dataclass(frozen=True, slots=True)
class PolicyAnswer:
    """One decision: (A,) i64 of HOLD, BUY or SELL, and how it came about."""

    actions: np.ndarray
    bundle_id: str
    probabilities: np.ndarray | None = None  # (A, 3) f64
    latency_ms: float | None = None


class Policy(Protocol):
    """Whoever decides."""

    def decide(
        self, features: np.ndarray, account: AccountView, ts: str, decision_id: str
    ) -> PolicyAnswer:
        """Decide at the close of one bar.

        Args:
            features: (A, F) f32, raw.
            account: Marked at the same close.
            ts: The bar's opening time, ISO 8601 in UTC.
            decision_id: The same when the same decision is asked for again.

        Raises:
            PolicyUnavailableError: no usable answer.
            PolicyRefusedError: the question itself is refused.
        """


def checked(answer: PolicyAnswer, num_assets: int, bundle_id: str) -> PolicyAnswer:
    """The answer, if it is the expected bundle's and every symbol has one action.

    Raises:
        PolicyUnavailableError: another bundle; too many, too few, or unknown actions;
            probabilities that are none.
    """
    advice = "ploutos serve status"
    if answer.bundle_id != bundle_id:
        raise PolicyUnavailableError(
            "another policy answers", f"bundle {answer.bundle_id} instead of {bundle_id}", advice
        )
    actions = answer.actions
    shaped = actions.shape == (num_assets,) and np.issubdtype(actions.dtype, np.integer)
    if not shaped or not np.isin(actions, (HOLD, BUY, SELL)).all():
        raise PolicyUnavailableError(
            "the policy's answer is unusable",
            f"expected {num_assets} actions of 0, 1 or 2, got {actions.tolist()}",
            advice,
        )
    odds = answer.probabilities
    if odds is not None and not (odds.shape == (num_assets, 3) and np.isfinite(odds).all()):
        raise PolicyUnavailableError(
            "the policy's answer is unusable",
            f"its probabilities are not {num_assets} rows of three finite numbers",
            advice,
        )
    return answer


def usable_features(
    features: np.ndarray, symbols: tuple[str, ...]
) -> tuple[np.ndarray, dict[str, str]]:
    """The features with 0 for the rows that hold no measurements, and why each of these does not.

    Args:
        features: (A, F) f32, raw.
        symbols: (A,) names; empty slots are "".
    """
    good = np.abs(features) <= FEATURE_LIMIT  # NaN is not
    unusable = {
        symbol: f"its features hold {float(row[~fine][0])}"
        for symbol, row, fine in zip(symbols, features, good, strict=True)
        if symbol and not fine.all()
    }
    return np.where(good.all(axis=1)[:, None], features, np.float32(0.0)), unusable


def named_actions(answer: PolicyAnswer, symbols: tuple[str, ...]) -> dict[str, Side]:
    """What is to be done, by symbol; HOLD is left out, and so are empty slots, which are ""."""
    sides = {BUY: Side.BUY, SELL: Side.SELL}
    return {
        symbol: sides[int(action)]
        for symbol, action in zip(symbols, answer.actions, strict=True)
        if symbol and action != HOLD
    }


def named_probabilities(
    answer: PolicyAnswer, symbols: tuple[str, ...]
) -> dict[str, list[float]] | None:
    """Probabilities of HOLD, BUY and SELL by symbol, to 4 digits, where the policy gave them."""
    if answer.probabilities is None:
        return None
    rows: list[list[Any]] = np.round(answer.probabilities, 4).tolist()
    return {symbol: row for symbol, row in zip(symbols, rows, strict=True) if symbol}
