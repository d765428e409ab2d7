"""The market on machines that do not see the driver's files: sent once, written once a machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.settings import Home
from envs import Market
from train.sweep.plan import SweepPlan

if TYPE_CHECKING:
    from ray import ObjectRef


@dataclass(frozen=True)
class LocalMarkets:
    """Where a sweep's market lies on this machine."""

    raw: Path
    normalised: Path


def broadcast(home: Home, plan: SweepPlan) -> "list[ObjectRef[Market]]":
    """The raw market in Ray's object store, in a list, so that only who needs it fetches it."""
    import ray

    return [ray.put(Market.load(home.tables / plan.raw_market))]


def local_markets(
    home: Home, plan: SweepPlan, tables: "Sequence[ObjectRef[Market]]"
) -> LocalMarkets:
    """The sweep's own tables where this machine sees them, else copies in this machine's home.

    The copies have the names of the originals, which are hashes of their content: any number of
    workers may write at the same time, later ones find what is there. The normalised features are
    computed here, which sends half as much; the fingerprint tells that they are the same numbers.

    Args:
        home: The driver's.
        plan: The sweep.
        tables: What `broadcast` gave; empty where every worker sees the driver's files.
    """
    shared = LocalMarkets(home.tables / plan.raw_market, home.tables / plan.market)
    if not tables or (shared.raw.is_dir() and shared.normalised.is_dir()):
        return shared
    here = _tables_here()
    if not ((here / plan.raw_market).is_dir() and (here / plan.market).is_dir()):
        import ray

        raw: Market = ray.get(tables[0])
        raw.save(here)
        raw.with_features(plan.scale().apply(raw.features)).save(here)
    return LocalMarkets(here / plan.raw_market, here / plan.market)


def _tables_here() -> Path:
    from cluster.settings import home  # of this machine: `PLOUTOS_HOME`

    return home().tables
