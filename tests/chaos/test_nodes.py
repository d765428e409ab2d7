"""Three nodes of one cluster: the table reaches each once, and a killed node costs no trial."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head without CPUs and two nodes with one each, attached to as a job attaches."""
    from ray.cluster_utils import Cluster

    from cluster.ray_runtime import reread_ray_environment

    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    reread_ray_environment()
    small = {"object_store_memory": 80 << 20, "include_dashboard": False}
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 0} | small)
    nodes.workers = [
        nodes.add_node(
            num_cpus=1,
            object_store_memory=80 << 20,
            resources={f"node{number}": 10},
            env_vars={"PLOUTOS_HOME": str(tmp_path / f"node{number}")},
        )
        for number in (1, 2)
    ]
    monkeypatch.setenv("RAY_ADDRESS", nodes.address)
    yield nodes
    nodes.shutdown()


def test_a_killed_node_costs_no_trial(cluster: Any, storm: Any) -> None:
    sweep = storm(RAY_ADDRESS=cluster.address, RAY_AUTH_MODE="disabled")
    driver = sweep.start()
    sweep.until_progress(driver, 3)

    cluster.remove_node(cluster.workers[0], allow_graceful=False)

    sweep.check_whole(sweep.result(driver))


def test_the_table_is_written_once_a_machine(cluster: Any, tmp_path: Path) -> None:
    import ray

    from cluster.ray_runtime import attached_ray
    from cluster.settings import Home
    from features import SimulatedMarket
    from train.market.stored import open_market
    from train.scenarios.scenario import PloutosConfig
    from train.sweep.bars.from_bars import request_from_bars
    from train.sweep.broadcast import broadcast, local_markets
    from train.sweep.plan import make_plan

    # given: a plan whose tables only the driver has
    home = Home(tmp_path / "driver")
    values = PloutosConfig.from_yaml("demo").model_dump(mode="json")
    values["folds"] |= {"train_sessions": 60, "validation_sessions": 20, "test_sessions": 20}
    bars = SimulatedMarket(symbols=3, sessions=252).bars()
    config = PloutosConfig.model_validate(values)
    plan = make_plan(request_from_bars(config, bars, "SIMULATED", home, name="one"))
    elsewhere = Home(tmp_path / "not-mounted")

    def look() -> tuple[str, str, int]:
        markets = local_markets(elsewhere, plan, tables)
        raw = open_market(markets.raw, plan.raw_fingerprint)
        scaled = open_market(markets.normalised, plan.fingerprint)
        assert raw.symbols == scaled.symbols
        written = os.stat(markets.normalised / "features.npy").st_ino
        return str(markets.raw), str(markets.normalised), written

    # when: two workers of each node look, one after the other
    with attached_ray():
        tables = broadcast(home, plan)
        task = ray.remote(look)
        seen = [
            {
                ray.get(task.options(num_cpus=0, resources={f"node{number}": 1}).remote())
                for _ in range(2)
            }
            for number in (1, 2)
        ]

    # then: each node has a copy of its own, and its second worker found the first one's
    assert [len(one) for one in seen] == [1, 1]
    for number, found in zip((1, 2), seen, strict=True):
        ((raw_folder, scaled_folder, _),) = found
        tables_here = tmp_path / f"node{number}" / "tables"
        assert {Path(raw_folder).parent, Path(scaled_folder).parent} == {tables_here}
        assert sorted(path.name for path in tables_here.iterdir()) == sorted(
            [plan.raw_market, plan.market]
        )
