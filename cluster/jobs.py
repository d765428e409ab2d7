"""Jobs on a Ray cluster, through its dashboard's job API."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.errors import PloutosError, UsageError
from cluster.ray_runtime import reread_ray_environment

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

DEFAULT_ADDRESS = "http://127.0.0.1:8265"


@dataclass(frozen=True)
class JobStatus:
    """Where a job stands."""

    job_id: str
    status: str  # PENDING, RUNNING, STOPPED, SUCCEEDED, FAILED
    entrypoint: str
    message: str

    @property
    def ended(self) -> bool:
        """Whether the status is final."""
        return self.status in {"STOPPED", "SUCCEEDED", "FAILED"}


class Jobs:
    """Jobs of one cluster.

    Args:
        address: The dashboard, such as http://127.0.0.1:8265. The token, if the cluster wants
            one, comes from RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH or ~/.ray/auth_token.

    Raises:
        UsageError: the address is not one of a dashboard.
        PloutosError: nobody answers there, or the token is refused; so do all methods.
    """

    def __init__(self, address: str = DEFAULT_ADDRESS) -> None:
        if not address.startswith(("http://", "https://")):
            raise UsageError(
                f"{address} is no dashboard address",
                "jobs are submitted over HTTP",
                f"give --address {DEFAULT_ADDRESS}",
            )
        self._address = address
        with self._answers():
            self._client = self._connect()

    def submit(
        self,
        entrypoint: str,
        *,
        working_dir: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> str:
        """Start a shell command on the cluster; returns the job's id.

        Args:
            entrypoint: The command, run in the unpacked working directory.
            working_dir: Uploaded, less what .gitignore and .rayignore name; 512 MiB at most.
            env: Variables of the command and of the workers that it starts.
        """
        runtime_env: dict[str, object] = {"env_vars": dict(env or {})}
        if working_dir is not None:
            if not working_dir.is_dir():
                raise UsageError(f"no folder {working_dir}", "", "give --working-dir .")
            runtime_env["working_dir"] = str(working_dir)
        with self._answers():
            return self._client.submit_job(entrypoint=entrypoint, runtime_env=runtime_env)

    def status(self, job_id: str) -> JobStatus:
        """Where the job stands; UsageError when there is no such job."""
        with self._answers(job_id):
            info = self._client.get_job_info(job_id)
        return JobStatus(job_id, str(info.status.value), info.entrypoint, info.message or "")

    def all(self) -> list[JobStatus]:
        """Every submitted job that the cluster remembers, newest first."""
        with self._answers():
            found = [job for job in self._client.list_jobs() if job.submission_id]
        found.sort(key=lambda job: job.start_time or 0, reverse=True)
        return [
            JobStatus(
                job.submission_id or "", str(job.status.value), job.entrypoint, job.message or ""
            )
            for job in found
        ]

    def logs(self, job_id: str) -> str:
        """What the job has printed so far; UsageError when there is no such job."""
        with self._answers(job_id):
            return self._client.get_job_logs(job_id)

    def stop(self, job_id: str) -> bool:
        """Ask the job to end; False when it had ended. UsageError when there is no such job."""
        with self._answers(job_id):
            return self._client.stop_job(job_id)

    def _connect(self) -> "JobSubmissionClient":
        from ray.job_submission import JobSubmissionClient

        reread_ray_environment()
        client = JobSubmissionClient(self._address)
        logging.getLogger("ray").setLevel(logging.ERROR)  # else a line a file that stays at home
        return client

    @contextmanager
    def _answers(self, job_id: str = "") -> Iterator[None]:
        """Say what is wrong in our words; Ray's client tells most by the text of its errors."""
        from ray.exceptions import AuthenticationError

        try:
            yield
        except AuthenticationError as error:
            raise PloutosError(
                f"the Ray cluster at {self._address} refuses the token",
                str(error).strip().splitlines()[0],
                "export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=<the cluster's token file>",
            ) from error
        except ConnectionError as error:
            raise PloutosError(
                f"no Ray cluster answers at {self._address}",
                "the dashboard cannot be reached",
                "ray start --head, or give --address",
            ) from error
        except RuntimeError as error:
            raise self._refusal(str(error), job_id) from error

    def _refusal(self, text: str, job_id: str) -> PloutosError:
        if job_id and "404" in text:
            return UsageError(
                f"no job {job_id} at {self._address}",
                "",
                f"ploutos job list --address {self._address}",
            )
        first = next((line for line in text.splitlines() if line.strip()), "no reason given")
        return PloutosError(f"the Ray cluster at {self._address} refused", first, "")
