"""Sweeps as Ray jobs: a head in token mode, the commands of docs/how-to/jobs.md, their results."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from job_ends import ended

from cluster.artifacts import ArtifactStore
from cluster.jobs import Jobs
from features import Lake, SimulatedMarket
from places import ROOT
from train.bundle.bundle import PolicyBundle
from train.bundle.publish import published_bundles
from train.ledger.ledger import TrialLedger

TINY = ["--scenario", "demo", "--trials", "2", "--steps", "16384"]
TINY += ["--set", "network.net_arch=[16, 16]", "--set", "training.learning_rate=3e-4"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class JobCommands:
    """`ploutos job ... --json` against one cluster; a process each, so wait by a client."""

    def __init__(self, address: str, place: dict[str, str]) -> None:
        self._address, self._place = address, place

    def __call__(self, verb: str, *arguments: str) -> dict[str, Any]:
        command = [sys.executable, "-m", "apps.cli", "job", verb, "--json"]
        command += ["--address", self._address, *arguments]
        done = subprocess.run(
            command, env=self._place, cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.stdout, done.stderr
        return dict(json.loads(done.stdout))


@pytest.fixture
def ploutos_job(ray_head: str, place: dict[str, str]) -> JobCommands:
    return JobCommands(ray_head, place)


def test_a_submitted_sweep_leaves_its_bundle_and_ledger_in_the_artefact_store(
    ray_head: str, place: dict[str, str], tmp_path: Path
) -> None:
    # given: a lake in a bucket
    bars = SimulatedMarket(symbols=2, sessions=756).bars()
    names = pl.col("symbol").replace({"SIMB01": "NUE", "SIMC01": "META"})
    lake = Lake(tmp_path / "bucket")
    lake.write(bars.with_columns(names), interval="1h", source="alpaca", adjustment="split")

    # when: as the how-to says, parameters on the command line
    command = ["ray", "job", "submit", "--address", ray_head, "--working-dir", ".", "--"]
    command += ["python", "-m", "train.sweep", *TINY]
    command += ["--home", str(tmp_path / "home"), "--artifacts", f"file://{tmp_path}/store"]
    command += ["--lake", f"file://{tmp_path}/bucket"]
    done = subprocess.run(command, env=place, cwd=ROOT, capture_output=True, text=True, check=False)

    # then
    assert done.returncode == 0, done.stdout + done.stderr
    assert "succeeded" in done.stdout
    (line,) = [line for line in done.stdout.splitlines() if line.startswith('{"sweep"')]
    told = json.loads(line)
    assert (told["trials"], told["completed"]) == (2, 2)

    # it says which bars it used, and so does the bundle
    assert f"bars: {told['bars']}" in done.stdout
    assert told["bars"].startswith(f"series alpaca of the lake file://{tmp_path}/bucket, ")

    # the bundle and the ledger are where it says, here and in the store
    here, there = PolicyBundle.load(told["bundle"]), PolicyBundle.load(told["published"]["bundle"])
    assert here.manifest == there.manifest
    assert here.manifest.data.origins is not None
    assert [row.adjustment for row in here.manifest.data.origins] == ["split"]
    assert here.manifest.symbols == ("META", "NUE")
    assert f"published bundle: {there.path}" in done.stdout
    assert published_bundles(ArtifactStore(str(tmp_path / "store"))) == [here.manifest.bundle_id]
    ledger = Path(told["published"]["ledger"])
    records = TrialLedger(ledger.parent).records(ledger.name)
    assert {record.status for record in records} == {"completed"}
    assert len(records) == 2
    assert all(set(record.config) == {"ent_coef"} for record in records)  # the rate was set


def test_a_running_sweep_is_listed_and_stopped(
    ploutos_job: JobCommands, jobs: Jobs, tmp_path: Path
) -> None:
    # given
    home = ["--home", str(tmp_path / "home"), "--name", "long"]
    long = ["--scenario", "demo", "--trials", "2", "--steps", "100000000"]
    store = str(tmp_path / "store")
    job = ploutos_job("submit", "--artifacts", store, "--", *long, *home)["job"]
    while "started" not in jobs.logs(job):
        assert jobs.status(job).status in {"PENDING", "RUNNING"}, jobs.logs(job)
        time.sleep(0.5)
    assert ploutos_job("status", job)["status"] == "RUNNING"

    # when
    stopped = ploutos_job("stop", job)

    # then: it is over, and can be gone on with
    assert stopped["stopped"] is True
    assert ended(jobs, job).status == "STOPPED"
    listed = {one["job_id"]: one for one in ploutos_job("list")["jobs"]}
    assert listed[job]["status"] == "STOPPED"
    assert f"--artifacts {store}" in listed[job]["entrypoint"]
    assert (tmp_path / "home" / "sweeps" / "long" / "sweep.json").is_file()


def test_a_home_that_ray_would_delete_is_refused_in_the_job(
    ploutos_job: JobCommands, jobs: Jobs
) -> None:
    job = ploutos_job("submit", "--", *TINY, "--home", "results")["job"]

    assert ended(jobs, job).status == "FAILED"
    assert "--home results would be lost" in ploutos_job("logs", job)["logs"]


def test_a_wrong_parameter_does_not_reach_the_cluster(ploutos_job: JobCommands, jobs: Jobs) -> None:
    before = len(jobs.all())

    answer = ploutos_job("submit", "--", "--scenario", "demo", "--set", "training.gama=1")

    assert answer["error"]["exit_code"] == 3
    assert "did you mean gamma" in answer["error"]["why"]
    assert len(jobs.all()) == before
