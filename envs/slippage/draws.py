"""Random numbers that a replay repeats: a hash of what an order is, the same in every language."""

from typing import NamedTuple

_MASK = 0x7FFFFFFF  # 31 bits, so that every product below stays under 2**63
_MULTIPLIER = 0x45D9F3B
_INCREMENT = 0x1E3779B9


class DrawKey(NamedTuple):
    """What a slippage draw depends on, and nothing else, so that a replay repeats it."""

    seed: int  # from `fold_seed`
    environment: int
    bar: int  # decision bar
    asset: int


def fold_seed(seed: int) -> int:
    """Fold a seed of up to 93 bits into the 31 that draws use."""
    return (seed ^ (seed >> 31) ^ (seed >> 62)) & _MASK


def mix(state: int, word: int) -> int:
    """Hash `word` into `state`, both 31 bits.

    Multiply and xor-shift, after C. Wellons, "Prospecting for Hash Functions" (2018), kept within
    31 bits: no product reaches 2**63, so Python and compiled integers agree exactly.
    """
    state = ((state ^ word) + _INCREMENT) & _MASK
    state = ((state ^ (state >> 16)) * _MULTIPLIER) & _MASK
    state = ((state ^ (state >> 15)) * _MULTIPLIER) & _MASK
    return state ^ (state >> 16)


def uniform(key: DrawKey) -> float:
    """The draw of an order, uniform over 0..1."""
    return mix(mix(mix(key.seed, key.environment), key.bar), key.asset) / _MASK
