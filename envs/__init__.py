"""The V6 trading environment: Market, rules, kernel and its vector environments."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from envs.market import Market
    from envs.params import V6Params
    from envs.single import TradingEnv
    from envs.vector import TradingVectorEnv

__all__ = ["Market", "TradingEnv", "TradingVectorEnv", "V6Params"]

# Loaded at first use: a trader needs Market and V6Params, not the compiler or gymnasium.
_HOMES = {
    "Market": "envs.market",
    "TradingEnv": "envs.single",
    "TradingVectorEnv": "envs.vector",
    "V6Params": "envs.params",
}


def __getattr__(name: str) -> Any:
    """Import a public name from the module that defines it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
