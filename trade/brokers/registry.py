"""Every broker by its name."""

from collections.abc import Callable
from typing import Final

from cluster.errors import ConfigError
from trade.brokers.paper import PaperBroker
from trade.brokers.port import Broker, BrokerSetup

PAPER: Final = "paper"
BROKERS: Final[dict[str, Callable[[BrokerSetup], Broker]]] = {
    PAPER: PaperBroker,
}


def create_broker(name: str, setup: BrokerSetup) -> Broker:
    """The broker of that name, ready to take orders.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in BROKERS:
        raise ConfigError(f"no broker {name}", "", f"choose one of {', '.join(BROKERS)}")
    return BROKERS[name](setup)
