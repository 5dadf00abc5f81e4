"""`homing smoke` with a fake Homing, of which one part after another is broken."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from homing.client import Accepted, Delivery, UnreachableError
from homing.client.errors import CredentialsError, response_error
from homing_cli.errors import NoTargetError
from homing_cli.smoke.checks import Waiting, check, stack_not_found
from homing_cli.smoke.finding import Finding, Outcome, conclusion, works
from homing_cli.smoke.probes import Subscriptions

if TYPE_CHECKING:
    from collections.abc import Sequence

ENTRY = {"errorCategory": "SUCCESS", "errorDetails": {"message": "HTTP 204"}, "httpStatus": 204}
PATH = [
    "credentials",
    "api",
    "receiver",
    "endpoint",
    "acceptance",
    "dispatch",
    "attempt",
    "signature",
    "ledger",
]
AFTER = ["alarms", "dead letters", "undispatched"]


def delivery(status: str, *history: dict[str, Any]) -> Delivery:
    document = {"retryHistory": list(history)} if history else {}
    return Delivery("d-1", "https://r/smoke", "smoke-1", status, len(history), None, document)


def entry(http_status: int | None, category: str, message: str = "why") -> dict[str, Any]:
    return ENTRY | {
        "httpStatus": http_status,
        "errorCategory": category,
        "errorDetails": {"message": message},
    }


def aws(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": f"{code} it is"}}, "Ask")


@dataclass
class FakeProbes:
    """A Homing that works, except for values that a test replaces; exceptions are raised."""

    is_local: bool = False
    receiver_url: str | None = "https://r/smoke"
    called_by: Any = "arn:aws:iam::1:user/ops"
    healthy: Any = None
    answers: Any = 400
    created: Any = None
    sent: Any = None
    seen: Any = field(default_factory=lambda: delivery("DELIVERED", ENTRY))
    triggered: Any = "Enabled"
    queued: Any = 0
    subscribed: Any = Subscriptions(1, 0)  # noqa: RUF009 -- it is frozen
    deleted: Any = None
    deletions: list[str] = field(default_factory=list)

    def caller(self) -> Any:
        return _given(self.called_by)

    def health(self) -> None:
        _given(self.healthy)

    def receiver(self) -> Any:
        return _given(self.answers)

    def create_endpoint(self, endpoint_id: str) -> None:
        _given(self.created)

    def delete_endpoint(self, endpoint_id: str) -> None:
        self.deletions.append(endpoint_id)
        _given(self.deleted)

    def send(self, endpoint_id: str) -> Any:
        _given(self.sent)
        return Accepted("msg_1", "homing-smoke", "", "", (), duplicate=False)

    def delivery(self, message_id: str) -> Any:
        assert message_id == "msg_1"
        return _given(self.seen)

    def trigger(self) -> Any:
        return _given(self.triggered)

    def waiting(self, queue: str) -> Any:
        return _given(self.queued)

    def subscriptions(self) -> Any:
        return _given(self.subscribed)


def _given(value: Any) -> Any:
    if isinstance(value, Exception):
        raise value
    return value


def findings(probes: FakeProbes, seconds: float = 2) -> list[Finding]:
    passed = 0.0

    def sleep(pause: float) -> None:
        nonlocal passed
        passed += pause

    return list(check(probes, Waiting(seconds, lambda: passed, sleep)))  # type: ignore[arg-type]


def test_where_all_is_well_it_says_so_check_by_check() -> None:
    found = findings(FakeProbes())
    assert [one.check for one in found] == [*PATH, *AFTER]
    assert {one.outcome for one in found} == {Outcome.OK}
    assert (works(found), conclusion(found)) == (True, "Everything works")
    assert not any(one.fix for one in found)


UNDER_WAY = delivery("RETRY_SCHEDULED", entry(503, "SERVER_ERROR", "HTTP 503"))


@pytest.mark.parametrize(
    ("broken", "where", "says", "fix"),
    [
        ({"called_by": NoCredentialsError()}, "credentials", "Unable to locate", "AWS_PROFILE"),
        ({"called_by": aws("ExpiredToken")}, "credentials", "ExpiredToken it is", "Renew"),
        (
            {"called_by": EndpointConnectionError(endpoint_url="https://sts")},
            "credentials",
            "https://sts",
            "network",
        ),
        ({"healthy": UnreachableError("https://a did not answer")}, "api", "did not", "network"),
        ({"healthy": response_error(500, None)}, "api", "HTTP 500", "GetMessage"),
        ({"healthy": response_error(403, {"message": "Forbidden"})}, "api", "403", "access log"),
        ({"healthy": CredentialsError("no AWS credentials")}, "api", "no AWS", "AWS_PROFILE"),
        ({"receiver_url": None}, "receiver", "deployed without", "-c smokeEndpoint=true"),
        (
            {"answers": EndpointConnectionError(endpoint_url="https://r/smoke")},
            "receiver",
            "https://r/smoke does not respond",
            "network",
        ),
        ({"answers": 404}, "receiver", "answers HTTP 404, not 400", "SmokeReceiver"),
        (
            {"created": response_error(403, {"message": "Forbidden"})},
            "endpoint",
            "HTTP 403 Forbidden",
            "execute-api:Invoke",
        ),
        (
            {"created": response_error(400, {"errors": [{"field": "url", "message": "is bad"}]})},
            "endpoint",
            "url: is bad",
            "refusedNetworks",
        ),
        ({"created": response_error(503, {})}, "endpoint", "HTTP 503", "Endpoints"),
        (
            {"sent": response_error(403, {"Message": "Forbidden"})},
            "acceptance",
            "HTTP 403 Forbidden",
            "lambda:InvokeFunctionUrl",
        ),
        ({"sent": response_error(429, {})}, "acceptance", "HTTP 429", "concurrency"),
        ({"sent": response_error(502, None)}, "acceptance", "HTTP 502", "function Accept"),
        ({"seen": delivery("QUEUED")}, "dispatch", "no attempt was made within 2 s", "Dispatch"),
        (
            {"seen": delivery("QUEUED"), "triggered": "Disabled"},
            "dispatch",
            "the trigger of the function Dispatch is disabled",
            "event source mapping",
        ),
        (
            {"seen": delivery("QUEUED"), "triggered": "missing"},
            "dispatch",
            "Dispatch is missing",
            "event source mapping",
        ),
        (
            {"seen": delivery("QUEUED"), "triggered": aws("AccessDeniedException")},
            "dispatch",
            "could not be read: .*AccessDenied",
            "Dispatch",
        ),
        ({"seen": response_error(503, None)}, "dispatch", "HTTP 503", "ledger table"),
        (
            {"seen": delivery("FAILED", entry(None, "BLOCKED_TARGET", "refused"))},
            "attempt",
            "one attempt of msg_1 failed, the last with BLOCKED_TARGET: refused",
            "refusedHosts",
        ),
        (
            {"seen": delivery("MAX_RETRIES_EXCEEDED", *[entry(500, "SERVER_ERROR")] * 3)},
            "attempt",
            "3 attempts of msg_1 failed, the last with SERVER_ERROR",
            "SmokeReceiver",
        ),
        (
            {"seen": delivery("MAX_RETRIES_EXCEEDED", entry(None, "TIMEOUT"))},
            "attempt",
            "TIMEOUT",
            "homing trace",
        ),
        ({"seen": UNDER_WAY}, "attempt", "SERVER_ERROR: HTTP 503", "SmokeReceiver"),
        (
            {"seen": delivery("FAILED", entry(401, "CLIENT_ERROR", "HTTP 401"))},
            "signature",
            "could not verify",
            "clocks",
        ),
        (
            {"seen": delivery("RETRY_SCHEDULED", ENTRY)},
            "ledger",
            "its record says RETRY_SCHEDULED",
            "LedgerTriesFailed",
        ),
    ],
)
def test_it_names_the_first_part_that_is_broken_and_what_to_do(
    broken: dict[str, Any], where: str, says: str, fix: str
) -> None:
    found = findings(replace(FakeProbes(), **broken))
    by_name = {one.check: one for one in found}
    (failed,) = [one for one in found if one.outcome is Outcome.FAILED]
    assert failed.check == where
    assert_matches(says, failed.says)
    assert_matches(fix, failed.fix)
    before, after = PATH[: PATH.index(where)], PATH[PATH.index(where) + 1 :]
    assert {by_name[name].outcome for name in before} <= {Outcome.OK}
    assert {by_name[name].outcome for name in after} <= {Outcome.NOT_CHECKED}
    assert [by_name[name].outcome for name in AFTER] == [Outcome.OK] * 3
    assert not works(found)
    assert conclusion(found).startswith(f"It does not work. {where}: ")


def assert_matches(pattern: str, text: str) -> None:
    assert re.search(pattern, text), text


@pytest.mark.parametrize(
    ("changed", "check_name", "says"),
    [
        ({"subscribed": Subscriptions(0, 0)}, "alarms", "nobody is notified"),
        ({"subscribed": Subscriptions(0, 1)}, "alarms", "not confirmed"),
        ({"subscribed": aws("AuthorizationError")}, "alarms", "not known: .*AuthorizationError"),
        ({"queued": 3}, "dead letters", "about 3 in their queue"),
        ({"queued": 3}, "undispatched", "about 3 in their queue"),
        ({"queued": aws("AccessDenied")}, "dead letters", "not known"),
        ({"deleted": response_error(503, None)}, "clean-up", "could not be deleted"),
    ],
)
def test_what_does_not_keep_messages_from_arriving_is_a_warning(
    changed: dict[str, Any], check_name: str, says: str
) -> None:
    found = findings(replace(FakeProbes(), **changed))
    warnings = {one.check: one for one in found if one.outcome is Outcome.WARNING}
    assert_matches(says, warnings[check_name].says)
    assert warnings[check_name].fix
    assert works(found)
    assert conclusion(found).startswith("Everything works, but ")


def test_a_local_cloud_is_not_asked_who_is_notified() -> None:
    found = findings(FakeProbes(is_local=True, subscribed=aws("InternalError")))
    assert {one.check: one.outcome for one in found}["alarms"] is Outcome.NOT_CHECKED
    assert works(found)


def test_it_waits_until_the_message_has_ended() -> None:
    class Slow(FakeProbes):
        states: Sequence[Any] = (response_error(503, None), delivery("QUEUED"), UNDER_WAY)

        def delivery(self, message_id: str) -> Any:
            if not self.states:
                return delivery("DELIVERED", entry(503, "SERVER_ERROR"), ENTRY)
            state, *self.states = self.states
            return _given(state)

    found = findings(Slow(), seconds=60)
    assert conclusion(found) == "Everything works"
    assert "after 2 attempts" in {one.check: one.says for one in found}["attempt"]


@pytest.mark.parametrize(
    ("seen", "deleted"),
    [(delivery("DELIVERED", ENTRY), True), (delivery("QUEUED"), False), (UNDER_WAY, False)],
)
def test_the_endpoint_is_deleted_unless_the_message_still_needs_it(
    seen: Delivery, *, deleted: bool
) -> None:
    """Deleted too early, it would turn the message into a dead letter."""
    probes = FakeProbes(seen=seen)
    left = [one for one in findings(probes) if one.check == "clean-up"]
    assert (len(probes.deletions), len(left)) == ((1, 0) if deleted else (0, 1))
    assert all("homing endpoints delete smoke-" in one.fix for one in left)


def test_an_endpoint_that_was_set_up_by_half_is_deleted() -> None:
    probes = FakeProbes(created=response_error(503, None))
    findings(probes)
    assert len(probes.deletions) == 1


def test_the_endpoint_of_a_message_that_may_have_been_accepted_stays() -> None:
    lost = response_error(503, None)
    lost.message_id = "msg_2"
    probes = FakeProbes(sent=lost)
    (left,) = [one for one in findings(probes) if one.check == "clean-up"]
    assert "msg_2 is still on its way" in left.says
    assert probes.deletions == []


def test_interrupted_it_deletes_an_endpoint_that_no_message_needs() -> None:
    class Interrupted(FakeProbes):
        def send(self, endpoint_id: str) -> Any:
            raise KeyboardInterrupt

    probes = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        findings(probes)
    assert len(probes.deletions) == 1


@pytest.mark.parametrize(
    ("cause", "check_name", "fix"),
    [
        (NoCredentialsError(), "credentials", "AWS_PROFILE"),
        (aws("InvalidClientTokenId"), "credentials", "Renew"),
        (aws("AccessDenied"), "credentials", "cloudformation:DescribeStacks"),
        (aws("ValidationError"), "stack", "Check the stack's name"),
        (None, "stack", "Check the stack's name"),
    ],
)
def test_a_stack_that_is_not_found_is_told_from_credentials_that_are_refused(
    cause: Exception | None, check_name: str, fix: str
) -> None:
    error = NoTargetError("stack Homing cannot be read")
    error.__cause__ = cause
    found = stack_not_found(error)
    assert (found.check, found.outcome) == (check_name, Outcome.FAILED)
    assert (found.says, fix in found.fix) == ("stack Homing cannot be read", True)
