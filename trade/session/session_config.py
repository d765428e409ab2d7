"""What a trading session is run under."""

from dataclasses import dataclass

from cluster.errors import ConfigError
from envs.params import V6Params
from trade.journal.events import SessionStarted
from trade.orders.protection import Protection
from trade.risk.limits import RiskLimits

DATA_SCHEME = "bars2:"  # before the fingerprint, which has covered all that decides since then


@dataclass(frozen=True, slots=True)
class Terms:
    """What a session is run under; a resumed one must be run under the same.

    Args:
        session_id: Names the journal and every order.
        label: SIMULATED, REPLAY or PAPER: what the app says about it.
        bundle_id: Of the policy.
        params: V6's parameters, of the `default` preset.
        limits: The risk gate's; None switches it off.
        protection: Stop and target; None switches them off.
        seed: Of the slippage stream.
        data: Fingerprint of the bars, after `DATA_SCHEME`.

    Raises:
        ConfigError: the parameters fill at the very close that was decided on.
    """

    session_id: str
    label: str
    bundle_id: str
    params: V6Params
    limits: RiskLimits | None
    protection: Protection | None
    seed: int
    data: str

    def __post_init__(self) -> None:
        if self.params.fill_lag != 1:
            raise ConfigError(
                "V6 parameter fill_lag is 0",
                "an order decided at a close cannot fill at that close",
                "trade a bundle that was trained with the default preset",
            )

    def opening(self, symbols: tuple[str, ...], first: int, last: int) -> SessionStarted:
        """The event that a session over the bars `first` to `last` of these symbols starts with."""
        return SessionStarted(
            session_id=self.session_id,
            label=self.label,
            bundle_id=self.bundle_id,
            symbols=symbols,
            initial_balance=self.params.initial_balance,
            params=self.params.to_dict(),
            limits=self.limits.settings() if self.limits else None,
            protection=self.protection,
            seed=self.seed,
            data=self.data,
            first=first,
            last=last,
        )
