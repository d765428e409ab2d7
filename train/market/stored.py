"""A saved Market found by its content: at the path it was saved to, or in this home's tables."""

import dataclasses
from pathlib import Path

from cluster.errors import ConfigError
from envs.market import Market


def open_market(folder: Path, fingerprint: str) -> Market:
    """Map the arrays of a saved market and hash them.

    A checkpoint names the folder of the machine that wrote it. Where that does not exist, the
    folder named by the fingerprint in this `PLOUTOS_HOME` takes its place.

    Raises:
        DataError: the folder holds no market.
        ConfigError: it holds another one than `fingerprint` says.
    """
    market = Market.load(folder if folder.is_dir() else _table_here(folder, fingerprint))
    # A loaded Market repeats what its header says; a copy is hashed anew.
    found = dataclasses.replace(market).fingerprint
    if found != fingerprint:
        raise ConfigError(
            f"{folder} holds another market",
            f"its fingerprint is {found[:16]}, not {fingerprint[:16]}",
            "start a new sweep on these bars; this one was made for others",
        )
    return market


def check_same_market(found: str, wanted: str, checkpoint: Path) -> None:
    """Refuse a checkpoint that was trained on another table.

    Raises:
        ConfigError: the fingerprints differ.
    """
    if found != wanted:
        raise ConfigError(
            f"{checkpoint} was trained on another market",
            f"its fingerprint is {found[:16]}, not {wanted[:16]}",
            "give the learner the market that the checkpoint was made with",
        )


def _table_here(folder: Path, fingerprint: str) -> Path:
    from cluster.settings import home  # checks all settings, which only this case needs

    here = home().tables / fingerprint[:16]
    return here if here.is_dir() else folder
