"""Actions of the console: the progress of each, and which deliveries a form selects."""

from __future__ import annotations

from time import monotonic, sleep
from typing import TYPE_CHECKING

import pytest

from homing_cli.console.actions.chosen import ActionError, Chosen
from homing_cli.console.actions.jobs import Done, Job, Jobs
from homing_cli.errors import ApiError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

ONE = Chosen("m/1 &=", "crm", "d" * 32)


def nothing() -> None:
    """Do nothing after an action."""


def ended(job: Job) -> Job:
    deadline = monotonic() + 10
    while not job.ended and monotonic() < deadline:
        sleep(0.01)
    assert job.ended
    return job


def test_a_job_shows_the_result_of_each_item() -> None:
    jobs = Jobs(nothing)
    job = ended(jobs.start("Sending again", 2, iter([Done(ONE), Done(ONE, "gone")])))
    assert (job.succeeded, [one.complaint for one in job.complaints]) == (1, ["gone"])
    assert jobs.find(job.job_id) is job


def test_a_job_that_breaks_off_says_why_and_what_was_done_before() -> None:
    def steps() -> Iterator[Done]:
        yield Done(ONE)
        raise ApiError("the API is away")

    job = ended(Jobs(nothing).start("Sending again", 2, steps()))
    assert (job.succeeded, job.broken) == (1, "ApiError: the API is away")


def test_jobs_are_forgotten_after_many_others() -> None:
    jobs = Jobs(nothing)
    first = ended(jobs.start("first", 0, iter(())))
    for _ in range(50):
        ended(jobs.start("later", 0, iter(())))
    with pytest.raises(NotFoundError):
        jobs.find(first.job_id)


def test_what_is_chosen_survives_the_form() -> None:
    assert Chosen.from_text(ONE.to_text()) == ONE
    with pytest.raises(ActionError):
        Chosen.from_text("message=only")


@pytest.mark.parametrize("error", [None, ApiError("the API is away")])
def test_what_an_action_has_changed_is_reported_before_its_page_says_that_it_has_ended(
    error: Exception | None,
) -> None:
    seen: list[tuple[int, bool]] = []

    def steps() -> Iterator[Done]:
        yield Done(ONE)
        if error:
            raise error

    jobs = Jobs(lambda: seen.append((len(job.done), job.ended)))
    job = Job("1", "Discarding", 1)
    jobs._run(job, steps())
    assert seen == [(1, False)]
    assert job.ended
