"""Waiting for jobs of a cluster."""

import time

from cluster.jobs import Jobs, JobStatus


def ended(jobs: Jobs, job_id: str) -> JobStatus:
    """How the job stands once it has ended."""
    while not (status := jobs.status(job_id)).ended:
        time.sleep(0.2)
    return status
