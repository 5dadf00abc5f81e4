"""The checks of `homing smoke`, in the order in which a message passes the parts of Homing.

If a check fails, the remaining ones are skipped, except the last three: those of the alarms and of
two queues always run.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
)

from homing.client import (
    CallError,
    CredentialsError,
    ForbiddenError,
    RejectedError,
    ThrottledError,
    UnavailableError,
    UnreachableError,
)
from homing_cli.errors import CommandError
from homing_cli.smoke.finding import Finding, Outcome
from homing_cli.smoke.probes import SENDER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from homing.client import Delivery
    from homing_cli.errors import NoTargetError
    from homing_cli.smoke.probes import Probes

_FAILURES = (CallError, BotoCoreError, ClientError, CommandError)
_PAUSE_SECONDS = 0.5
# How the receiver responds (lambdas/smoke_receiver.py).
_SIGNED, _NOT_SIGNED, _NO_SECRET = 204, 401, 400

# Errors from AWS about the caller's credentials, not about the call.
_BAD_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError"})
_SET_UP = "Set AWS_PROFILE and AWS_REGION; see `aws configure`"
_RENEW = "Renew the credentials: they are expired or unknown to AWS"
_DISPATCH = "See the log of the function Dispatch, and `homing undispatched list`"
_NETWORK = "Check the network, and any proxy, between here and AWS"

_GUARD = (
    "The address guard refuses the receiver: see the settings refusedNetworks, refusedHosts and "
    "allowedPorts"
)
# What to do about an error, by the check that failed and the kind of error.
_FIXES: dict[tuple[str, type[Exception]], str] = {
    ("api", UnavailableError): "See the log of the function GetMessage",
    ("api", ForbiddenError): "The request does not reach the API: see the access log of the API",
    ("endpoint", ForbiddenError): "Allow the caller execute-api:Invoke on the API of ApiUrl",
    ("endpoint", RejectedError): _GUARD,
    ("endpoint", UnavailableError): "See the log of the function Endpoints",
    ("acceptance", ForbiddenError): (
        "Allow the caller lambda:InvokeFunctionUrl and lambda:InvokeFunction on AcceptArn"
    ),
    ("acceptance", ThrottledError): "Raise the account's concurrency, or acceptConcurrency",
    ("acceptance", UnavailableError): "See the log of the function Accept",
    ("dispatch", ForbiddenError): "Allow the caller execute-api:Invoke on the API of ApiUrl",
    ("dispatch", UnavailableError): "See the log of the function GetMessage, and the ledger table",
}
_CATEGORY_FIXES = {
    "BLOCKED_TARGET": _GUARD,
    "ENDPOINT_DISABLED": (
        "The endpoint was disabled or deleted in the meantime: run the command again"
    ),
    "RATE_LIMITED": "Others are calling the receiver too: run the command again in a minute",
    "SERVER_ERROR": "See the log of the function SmokeReceiver",
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long to wait for the message.

    Args:
        seconds: the time within which the delivery should end.
        clock: a monotonic clock in seconds.
        sleep: waits for some seconds.
    """

    seconds: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def stack_not_found(error: NoTargetError) -> Finding:
    """Return the finding that no stack was found, with a fix for the credentials or the stack."""
    says, cause = str(error), error.__cause__
    if isinstance(cause, NoCredentialsError | NoRegionError | ProfileNotFound):
        return _failed("credentials", says, _SET_UP)
    if _code(cause) in _BAD_CREDENTIALS:
        return _failed("credentials", says, _RENEW)
    if _code(cause) in _DENIED:
        return _failed("credentials", says, "Allow the caller cloudformation:DescribeStacks")
    return _failed(
        "stack", says, "Check the stack's name and region, or deploy it with `cdk deploy`"
    )


def check(probes: Probes, waiting: Waiting) -> Iterator[Finding]:
    """Yield the finding of each check, in order."""
    run = _Run(probes, waiting)
    failed = ""
    try:
        for name, step in run.steps.items():
            because = f"because {failed} failed"
            finding = Finding(name, Outcome.NOT_CHECKED, because) if failed else step()
            if finding.outcome is Outcome.FAILED:
                failed = name
            yield finding
    finally:
        left = run.clean_up()
    if left:
        yield left
    yield _alarms(probes)
    yield _queue(probes, "dead letters", "DeadLetterQueueUrl", "homing dead-letters")
    yield _queue(probes, "undispatched", "UndispatchedQueueUrl", "homing undispatched list")


class _Run:
    """The checks of one smoke message, and what is known about the message so far.

    Args:
        probes: makes the calls to Homing.
        waiting: how long to wait for the message.
    """

    def __init__(self, probes: Probes, waiting: Waiting) -> None:
        self._probes = probes
        self._waiting = waiting
        self._endpoint_id = f"smoke-{secrets.token_hex(6)}"
        self._has_endpoint = False
        self._message_id = ""
        self._delivery: Delivery | None = None
        self.steps: dict[str, Callable[[], Finding]] = {
            "credentials": self._credentials,
            "api": self._api,
            "receiver": self._receiver,
            "endpoint": self._endpoint,
            "acceptance": self._acceptance,
            "dispatch": self._dispatch,
            "attempt": self._attempt,
            "signature": self._signature,
            "ledger": self._ledger,
        }

    def _credentials(self) -> Finding:
        try:
            return _ok("credentials", f"you are {self._probes.caller()}")
        except _FAILURES as error:
            fix = _NETWORK
            if isinstance(error, NoCredentialsError):
                fix = _SET_UP
            elif _code(error) in _BAD_CREDENTIALS:
                fix = _RENEW
            return _failed("credentials", str(error), fix)

    def _api(self) -> Finding:
        try:
            self._probes.health()
        except _FAILURES as error:
            return _explained("api", error)
        return _ok("api", "the API responds")

    def _receiver(self) -> Finding:
        url = self._probes.receiver_url
        if url is None:
            says = "the stack was deployed without a receiver for this command"
            return _failed("receiver", says, "Deploy it with `-c smokeEndpoint=true`")
        try:
            status = self._probes.receiver()
        except _FAILURES as error:
            return _failed("receiver", f"{url} does not respond: {error}", _NETWORK)
        if status != _NO_SECRET:
            fix = "See the log of the function SmokeReceiver, or deploy the stack again"
            return _failed("receiver", f"{url} answers HTTP {status}, not {_NO_SECRET}", fix)
        return _ok("receiver", "the stack's own receiver responds")

    def _endpoint(self) -> Finding:
        self._has_endpoint = True  # to be deleted, even if the creation succeeds only in part
        try:
            self._probes.create_endpoint(self._endpoint_id)
        except _FAILURES as error:
            return _explained("endpoint", error)
        return _ok("endpoint", f"{self._endpoint_id} was created, with a secret of its own")

    def _acceptance(self) -> Finding:
        try:
            accepted = self._probes.send(self._endpoint_id)
        except _FAILURES as error:
            if isinstance(error, CallError) and error.is_transient:
                # The message may have been accepted, even if the call fails.
                self._message_id = error.message_id or ""
            return _explained("acceptance", error)
        self._message_id = accepted.message_id
        return _ok("acceptance", f"the message {accepted.message_id} was accepted")

    def _dispatch(self) -> Finding:
        began, failure = self._waiting.clock(), None
        while True:
            try:
                self._delivery, failure = self._probes.delivery(self._message_id), None
            except _FAILURES as error:
                failure = error
            has_ended = self._delivery is not None and self._delivery.has_ended
            if has_ended or self._waiting.clock() - began >= self._waiting.seconds:
                break
            self._waiting.sleep(_PAUSE_SECONDS)
        if failure:
            return _explained("dispatch", failure)
        if self._delivery and self._delivery.document.get("retryHistory"):
            return _ok("dispatch", "the message was taken from the delivery queue")
        return self._not_dispatched()

    def _not_dispatched(self) -> Finding:
        says = f"no attempt was made within {self._waiting.seconds:g} s"
        try:
            trigger = self._probes.trigger()
        except _FAILURES as error:
            return _failed(
                "dispatch",
                f"{says}; the trigger of Dispatch could not be read: {error}",
                _DISPATCH,
            )
        if trigger != "Enabled":
            says = f"{says}: the trigger of the function Dispatch is {trigger.lower()}"
            fix = "Enable the event source mapping of the delivery queue, or deploy the stack again"
            return _failed("dispatch", says, fix)
        return _failed("dispatch", says, _DISPATCH)

    def _attempt(self) -> Finding:
        last = self._last_attempt()
        category = last.get("errorCategory", "")
        reason = last.get("errorDetails", {}).get("message", "")
        attempts = f"{len(self._history)} attempts" if self._history[1:] else "one attempt"
        if last.get("httpStatus") in {_SIGNED, _NOT_SIGNED}:
            says = f"the receiver answered HTTP {last['httpStatus']} after {attempts}"
            return _ok("attempt", says)
        fix = _CATEGORY_FIXES.get(category, "See `homing trace` of the message")
        says = f"{attempts} of {self._message_id} failed, the last with {category}: {reason}"
        return _failed("attempt", says, fix)

    def _signature(self) -> Finding:
        if self._last_attempt().get("httpStatus") == _SIGNED:
            return _ok("signature", "the receiver has verified it")
        fix = "See the log of the function Deliver; compare the clocks of sender and receiver"
        return _failed("signature", "the receiver could not verify it", fix)

    def _ledger(self) -> Finding:
        status = self._delivery.status if self._delivery else "nothing"
        if status != "DELIVERED":
            fix = "See `homing status` of the message, and the alarm LedgerTriesFailed"
            says = f"the message has arrived, but its record says {status}"
            return _failed("ledger", says, fix)
        return _ok("ledger", "the attempt is on record, and the delivery is DELIVERED")

    @property
    def _history(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (
            self._delivery.document["retryHistory"] if self._delivery else []
        )
        return found

    def _last_attempt(self) -> dict[str, Any]:
        return self._history[-1]

    def clean_up(self) -> Finding | None:
        """Delete the endpoint. Return a warning if it was not deleted, otherwise None.

        The endpoint of a message that is still on its way is kept: without it, the message would
        become a dead letter.
        """
        if not self._has_endpoint:
            return None
        how = f"`homing endpoints delete {self._endpoint_id} --sender {SENDER}`"
        if self._message_id and not (self._delivery and self._delivery.has_ended):
            says = f"the message {self._message_id} is still on its way to {self._endpoint_id}"
            return Finding("clean-up", Outcome.WARNING, says, f"Once it has ended, run {how}")
        try:
            self._probes.delete_endpoint(self._endpoint_id)
        except _FAILURES as error:
            says = f"the endpoint {self._endpoint_id} could not be deleted: {error}"
            return Finding("clean-up", Outcome.WARNING, says, f"Run {how}")
        return None


def _alarms(probes: Probes) -> Finding:
    if probes.is_local:
        return Finding("alarms", Outcome.NOT_CHECKED, "since a local cloud raises none")
    try:
        found = probes.subscriptions()
    except _FAILURES as error:
        return _unknown("alarms", error)
    if found.confirmed:
        return _ok("alarms", f"{found.confirmed} confirmed subscription(s) to the alarm topic")
    if found.pending:
        fix = "Follow the link in the mail from AWS Notifications"
        return Finding(
            "alarms", Outcome.WARNING, "the subscription to the alarm topic is not confirmed", fix
        )
    fix = "Deploy with `-c alarmEmail=you@example.com`, or subscribe to the topic AlarmTopicArn"
    return Finding("alarms", Outcome.WARNING, "nobody is notified of alarms", fix)


def _queue(probes: Probes, name: str, output: str, command: str) -> Finding:
    try:
        waiting = probes.waiting(output)
    except _FAILURES as error:
        return _unknown(name, error)
    if waiting:
        says = f"about {waiting} in their queue"
        return Finding(name, Outcome.WARNING, says, f"See `{command}`")
    return _ok(name, "none in their queue")


def _ok(check: str, says: str) -> Finding:
    return Finding(check, Outcome.OK, says)


def _failed(check: str, says: str, fix: str) -> Finding:
    return Finding(check, Outcome.FAILED, says, fix)


def _unknown(check: str, error: Exception) -> Finding:
    return Finding(check, Outcome.WARNING, f"not known: {error}", "See docs/cli.md, `smoke`")


def _explained(check: str, error: Exception) -> Finding:
    """Return the finding of a check that raised an error, with what to do about it."""
    fix = _FIXES.get((check, type(error)), "")
    if isinstance(error, CredentialsError):
        fix = _SET_UP
    if isinstance(error, UnreachableError):
        fix = _NETWORK
    return _failed(check, str(error), fix)


def _code(error: BaseException | None) -> str:
    if not isinstance(error, ClientError):
        return ""
    return str(error.response.get("Error", {}).get("Code", ""))
