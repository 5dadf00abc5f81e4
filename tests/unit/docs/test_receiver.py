"""The receiver in docs/api.md accepts what Homing sends, and nothing else."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from homing.credentials.signing import generate_secret
from homing.sending.http_request import encode_request, request_headers
from homing.targets.target import parse_target

if TYPE_CHECKING:
    from collections.abc import Callable

    from homing.delivery import Delivery

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
SECTION = PAGE.split("## Verifying a signature")[1].split("\n## ")[0]
(CODE,) = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
SECRET = re.findall(r"whsec_\w+", CODE)[0]
JSON = b'{"total": 1.10}'


@pytest.fixture
def receive() -> Callable[[dict[str, str], bytes], int]:
    """Run the code on the page and return its function."""
    names: dict[str, Any] = {}
    exec(compile(CODE, "docs/api.md", "exec"), names)  # noqa: S102 -- our own page
    function: Callable[[dict[str, str], bytes], int] = names["receive"]
    return function


def sent(
    delivery: Delivery, *secrets: str, at: datetime | None = None
) -> tuple[dict[str, str], bytes]:
    """The request of an attempt, parsed as by a server."""
    started = at or datetime.now(UTC)
    headers = request_headers(delivery.reference, delivery.request, started, JSON, secrets)
    wire = encode_request(parse_target(delivery.reference.target_url), headers, JSON)
    head, _, body = wire.partition(b"\r\n\r\n")
    return dict(message_from_bytes(head.partition(b"\r\n")[2]).items()), body


def test_what_homing_has_signed_is_taken_once(
    receive: Callable[..., int], delivery: Delivery, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):  # as after a response that was lost
        assert receive(*sent(delivery, SECRET)) == 204
    assert capsys.readouterr().out == "received order-1841 {'total': 1.1}\n"


def test_any_one_of_the_secrets_of_a_rotation_is_enough(
    receive: Callable[..., int], delivery: Delivery
) -> None:
    assert receive(*sent(delivery, generate_secret(), SECRET)) == 204


def test_a_header_is_known_however_a_server_spells_it(
    receive: Callable[..., int], delivery: Delivery
) -> None:
    headers, body = sent(delivery, SECRET)
    assert receive({name.title(): value for name, value in headers.items()}, body) == 204


def test_the_bytes_are_verified_and_not_what_json_makes_of_them(
    receive: Callable[..., int], delivery: Delivery
) -> None:
    headers, _ = sent(delivery, SECRET)
    assert receive(headers, b'{"total": 1.1}') == 401
    assert receive(headers, b"\xff") == 401


def test_a_request_with_another_signature_or_none_is_refused(
    receive: Callable[..., int], delivery: Delivery
) -> None:
    assert receive(*sent(delivery, generate_secret())) == 401
    assert receive(*sent(delivery)) == 401


@pytest.mark.parametrize("signature", ["", "nonsense", "v1,", "v1,*", "v1,a,b"])
def test_what_is_no_signature_is_refused(
    receive: Callable[..., int], delivery: Delivery, signature: str
) -> None:
    headers, body = sent(delivery, SECRET)
    assert receive(headers | {"webhook-signature": signature}, body) == 401


@pytest.mark.parametrize(("age", "status"), [(4, 204), (6, 401), (-6, 401)])
def test_a_request_older_than_five_minutes_is_refused(
    receive: Callable[..., int], delivery: Delivery, age: int, status: int
) -> None:
    at = datetime.now(UTC) - timedelta(minutes=age)
    assert receive(*sent(delivery, SECRET, at=at)) == status


def test_every_header_of_an_attempt_that_matters_to_a_receiver_is_in_the_table(
    delivery: Delivery,
) -> None:
    plain = {"Content-Length", "User-Agent", "Accept", "Accept-Encoding", "Host"}
    headers, _ = sent(delivery, SECRET)
    told = set(re.findall(r"^\| `([\w-]+)` \|", SECTION, re.MULTILINE))
    assert told == headers.keys() - plain - delivery.request.headers.keys()
