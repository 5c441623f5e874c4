"""The one Celery task: a bell that wakes a worker to look for shards in the database."""

from workers.celery import app


@app.task(name="fringe.answer_bell")
def answer_bell(*, queue: str) -> None:
    """Work on shards of `queue` until there is none; a bell rung twice does no harm."""
    from celery.worker import state

    from webapp.jobs.lifecycle import claim_next, worker_name
    from workers.tasks.guard import work_on

    def is_stopping() -> bool:
        return state.should_stop is not None or state.should_terminate is not None

    while not is_stopping() and (claim := claim_next(queue, worker_name())):
        work_on(claim, is_stopping)
