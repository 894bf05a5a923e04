"""Runs a job of the pipeline for a DAG run: `podium job`, told by the run's conf.

The scheduler's environment says where the program is (PODIUM_BIN) and where the store is (S3_ENDPOINT, AWS_*).
"""

import os
import subprocess

from airflow.exceptions import AirflowFailException


def run(job, default_metadata, **context):
    """Runs the job; its last line of complaint becomes the error of the task."""
    conf = context["dag_run"].conf or {}
    bucket = os.environ.get("S3_BUCKET", "podium-pipeline")
    prefix = os.environ.get("S3_PREFIX", "conductor-poc")
    metadata = conf.get("metadata_url") or f"s3://{bucket}/{prefix}/{default_metadata}"
    command = [os.environ.get("PODIUM_BIN", "podium"), "job", job, "--metadata", metadata]
    if conf.get("stats_url"):
        command += ["--stats", conf["stats_url"]]
    print("running", " ".join(command), flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    print(done.stdout, flush=True)
    if done.returncode != 0:
        lines = [line for line in done.stdout.splitlines() if line.strip()]
        # the same input gives the same error: no retry
        raise AirflowFailException(lines[-1] if lines else f"podium job ended with status {done.returncode}")
