"""The work that the flow's tasks do; a module of its own, because the SDK starts one process for each worker."""

import time

from conductor.client.context.task_context import get_task_context
from conductor.client.http.models import Task


def add(task: Task) -> dict:
    get_task_context().add_log(f"adding {task.input_data['a']} and {task.input_data['b']}")
    return {"sum": task.input_data["a"] + task.input_data["b"]}


async def flaky() -> dict:
    attempt = get_task_context().get_retry_count()  # the SDK hands no task to asynchronous functions
    if attempt == 0:
        raise RuntimeError("the first attempt fails")
    return {"attempt": attempt}


def broken(task: Task) -> dict:
    if task.retry_count < 2:
        raise RuntimeError("still broken")
    return {"attempt": task.retry_count}


def slow(task: Task) -> dict:
    time.sleep(task.input_data["seconds"])
    return {"attempt": task.retry_count}
