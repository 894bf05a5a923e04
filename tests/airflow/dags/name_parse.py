"""The DAG of name parse, under its documented name."""

import functools

import pendulum
from airflow import DAG
from airflow.operators.python import PythonOperator

import podium_jobs

with DAG(
    "nua-nameparse-process-stage-v02-00-06-tiny",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=16,
):
    PythonOperator(
        task_id="process",
        python_callable=functools.partial(podium_jobs.run, "name-parse", "dp_name_parse.json"),
    )
