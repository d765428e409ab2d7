"""Numbers and names as a reader sees them."""

from typing import Any


def readable(name: str) -> str:
    """`buy_and_hold SPY` -> `buy and hold SPY`."""
    return name.replace("_", " ")


def minus(number: str) -> str:
    """A number with a true minus sign."""
    return number.replace("-", "\N{MINUS SIGN}")


def number(value: float | None) -> str:
    """With two digits; a dash where there is none."""
    return minus("–" if value is None else f"{value:.2f}")


def percent(value: float, digits: int = 1) -> str:
    """A share in percent."""
    return minus(f"{100.0 * value:.{digits}f} %")


def count(value: float) -> str:
    """A whole number, its thousands apart."""
    return f"{value:,.0f}"


def short(value: Any) -> str:
    """A parameter in few characters."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
