"""Smaller parts of the console: actions under way, the vendored files, what a form chooses."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from base64 import b64encode
from dataclasses import replace
from time import monotonic, sleep
from typing import TYPE_CHECKING

import pytest

from homing_cli.console.actions import ActionError, Chosen
from homing_cli.console.jobs import Done, Job, Jobs
from homing_cli.errors import ApiError, NotFoundError
from tools import vendor

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPLATES = vendor.FOLDER.parents[1] / "templates"
ONE = Chosen("m/1 &=", "crm", "d" * 32)


def ended(job: Job) -> Job:
    deadline = monotonic() + 10
    while not job.ended and monotonic() < deadline:
        sleep(0.01)
    assert job.ended
    return job


def test_a_job_shows_the_result_of_each_item() -> None:
    jobs = Jobs()
    job = ended(jobs.start("Sending again", 2, iter([Done(ONE), Done(ONE, "gone")])))
    assert (job.succeeded, [one.complaint for one in job.complaints]) == (1, ["gone"])
    assert jobs.find(job.job_id) is job


def test_a_job_that_breaks_off_says_why_and_what_was_done_before() -> None:
    def steps() -> Iterator[Done]:
        yield Done(ONE)
        raise ApiError("the API is away")

    job = ended(Jobs().start("Sending again", 2, steps()))
    assert (job.succeeded, job.broken) == (1, "ApiError: the API is away")


def test_jobs_are_forgotten_after_many_others() -> None:
    jobs = Jobs()
    first = ended(jobs.start("first", 0, iter(())))
    for _ in range(50):
        ended(jobs.start("later", 0, iter(())))
    with pytest.raises(NotFoundError):
        jobs.find(first.job_id)


def test_what_is_chosen_survives_the_form() -> None:
    assert Chosen.from_text(ONE.to_text()) == ONE
    with pytest.raises(ActionError):
        Chosen.from_text("message=only")


def archive(**files: bytes) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return raw.getvalue()


def test_vendored_files_come_out_of_the_checked_archive_without_their_source_map() -> None:
    raw = archive(LICENSE=b"free\n", code=b"run()\n//# sourceMappingURL=code.map")
    checked = b64encode(hashlib.sha512(raw).digest()).decode()
    package = replace(
        vendor.PACKAGES[0], sha512=checked, files={"LICENSE": "x.LICENSE", "code": "x.js"}
    )
    assert vendor.extract(package, raw) == {"x.LICENSE": b"free\n", "x.js": b"run()\n"}
    with pytest.raises(ValueError, match="another SHA-512"):
        vendor.extract(package, archive(LICENSE=b"other"))


def test_the_vendored_files_are_those_that_the_script_fetches() -> None:
    fetched = {name for package in vendor.PACKAGES for name in package.files.values()}
    assert {path.name for path in vendor.FOLDER.iterdir()} == fetched


def test_pages_ask_only_for_files_that_are_there() -> None:
    text = "".join(path.read_text() for path in TEMPLATES.glob("*.html"))
    asked = set(re.findall(r'(?:src|href)="/static/([^"]+)"', text))
    assert asked
    assert [name for name in asked if not (vendor.FOLDER.parent / name).is_file()] == []
