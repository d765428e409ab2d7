import subprocess
import sys
import time
from pathlib import Path

import pytest
from job_ends import ended

from cluster.errors import PloutosError, UsageError
from cluster.jobs import Jobs
from cluster.servers import free_port
from places import ROOT

SCRIPT = """
import os, sys
from cluster.ray_runtime import attached_ray
with attached_ray() as session:
    import ray
    print("owned", session.owned, "sum", ray.get(ray.remote(lambda: 20 + 22).remote()))
print("greeting", os.environ["GREETING"], "files", sorted(os.listdir(".")))
"""


@pytest.mark.parametrize("address", ["127.0.0.1:8265", "ray://127.0.0.1:10001", "here", ""])
def test_an_address_that_is_no_dashboard_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="is no dashboard address"):
        Jobs(address)


def test_a_dashboard_that_is_not_there_is_one_message() -> None:
    with pytest.raises(PloutosError, match="no Ray cluster answers") as caught:
        Jobs(f"http://127.0.0.1:{free_port()}")

    assert "ray start --head" in caught.value.next_command


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_job_of_this_repository_runs_attached_and_succeeds(jobs: Jobs, tmp_path: Path) -> None:
    # given: what a clone holds, with the files that must stay at home
    for name in ("cluster", ".rayignore", ".gitignore", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "script.py").write_text(SCRIPT)
    for name in (".venv", ".ploutos", ".git"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "private").write_text("x")

    # when
    job_id = jobs.submit("python script.py", working_dir=tmp_path, env={"GREETING": "hello"})
    status = ended(jobs, job_id)

    # then
    log = jobs.logs(job_id)
    assert (status.status, status.entrypoint) == ("SUCCEEDED", "python script.py"), log
    assert "owned False sum 42" in log
    assert "greeting hello" in log
    assert "private" not in log
    assert not {".venv", ".ploutos", ".git"} & set(log.partition("files")[2].split("'"))
    assert jobs.stop(job_id) is False


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_command_of_the_readme_runs_too(ray_head: str, place: dict[str, str]) -> None:
    command = ["ray", "job", "submit", "--address", ray_head, "--working-dir", "."]
    command += ["--", "python", "-c", "import cluster, envs, train; print('found', 6 * 7)"]

    done = subprocess.run(command, env=place, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "found 42" in done.stdout
    assert "succeeded" in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_job_can_be_stopped_and_a_failing_one_says_so(jobs: Jobs) -> None:
    sleeping = jobs.submit("sleep 600")
    failing = jobs.submit("exit 3")

    while jobs.status(sleeping).status == "PENDING":
        time.sleep(0.2)
    assert jobs.stop(sleeping)

    assert ended(jobs, sleeping).status == "STOPPED"
    failed = ended(jobs, failing)
    assert failed.status == "FAILED"
    assert "exit code 3" in failed.message
    assert [job.job_id for job in jobs.all()][:2] == [failing, sleeping]


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_job_that_is_not_there_and_a_folder_that_is_not_there(jobs: Jobs) -> None:
    for ask in (jobs.status, jobs.logs, jobs.stop):
        with pytest.raises(UsageError, match="no job nothing"):
            ask("nothing")
    with pytest.raises(UsageError, match="no folder"):
        jobs.submit("true", working_dir=Path("/no/such/folder"))


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_wrong_token_is_one_message(ray_head: str, place: dict[str, str]) -> None:
    script = (
        "import sys; from cluster.jobs import Jobs; from cluster.errors import PloutosError\n"
        "try: Jobs(sys.argv[1]).submit('true')\n"
        "except PloutosError as error: print(error)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, ray_head],
        env=place | {"RAY_AUTH_TOKEN": "d" * 64},
        capture_output=True,
        text=True,
        check=True,
    )

    assert f"the Ray cluster at {ray_head} refuses the token" in done.stdout
    assert "RAY_AUTH_TOKEN_PATH" in done.stdout
