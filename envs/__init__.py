"""The V6 trading environment: Market, rules, kernel and its vector environments."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from envs.adapters.single import TradingEnv
    from envs.adapters.vector import TradingVectorEnv
    from envs.market import Market
    from envs.params import V6Params
    from envs.window import Window

__all__ = ["Market", "TradingEnv", "TradingVectorEnv", "V6Params", "Window"]

# Loaded at first use: a trader needs Market and V6Params, not the compiler or gymnasium.
_HOMES = {
    "Market": "envs.market",
    "TradingEnv": "envs.adapters.single",
    "TradingVectorEnv": "envs.adapters.vector",
    "V6Params": "envs.params",
    "Window": "envs.window",
}


def __getattr__(name: str) -> Any:
    """Import a public name from the module that defines it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
