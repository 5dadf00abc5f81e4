"""The function `accept`: it accepts messages, alone or in a batch, and test messages to endpoints.

It serves the HTTP APIs and a function URL. The APIs forward only requests for its routes, while the
function URL forwards every request.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from homing import deadline
from homing.api.answer import Answer, accepted
from homing.api.batch import batched, split_batch
from homing.api.problem import (
    acceptance_failed,
    dependency_failed,
    invalid,
    line_full,
    not_here,
    rate_exceeded,
)
from homing.api.routes import POST_BATCH, POST_MESSAGE, TEST_ENDPOINT
from homing.errors import (
    AcceptanceError,
    DependencyError,
    FullLineError,
    InvalidMessageError,
    RateExceededError,
)
from homing.reception.acceptance import Acceptance, Reception
from homing.reception.message import Message, Rules, parse_message, trial_message
from homing.reception.recipients import remembering
from homing.settings import AcceptSettings
from lambdas.http_api import (
    json_api,
    key_sender,
    named_endpoint,
    own_host,
    queried_sender,
    query,
    refuse_delivery,
    request_body,
    respond,
    serve,
    signer,
)
from lambdas.initialization import connect, initialize
from lambdas.observation import log_message, log_reception
from lambdas.warm_up import WarmUp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_lambda_powertools.event_handler import Response

    from homing.reception.acceptance import Result
    from homing.reception.recipients import FindEndpoints


def _log_invalid(answer: Answer) -> None:
    fields = [each["field"] for each in answer.document["errors"]]
    _log("message.rejected", "MessageRejected", status=answer.status, fields=fields)


def _log_failure(*, reason: str, **ids: str) -> None:
    _log("message.failed", "AcceptanceFailed", is_fault=True, **ids, reason=reason)


app = json_api(_log_failure, log_invalid=_log_invalid, no_route=not_here)


@cache
def _settings() -> AcceptSettings:
    return AcceptSettings.from_env()


@cache
def _acceptance() -> Acceptance:
    return Acceptance.connect(_settings())


@cache
def _warm_up() -> WarmUp:
    return WarmUp.connect(_settings().warm_up_topic_arn)


@lru_cache(maxsize=16)
def _rules(host: str) -> Rules:
    """Return the rules for messages in requests to this host of the stack.

    The rules refuse the stack's own hosts as targets. A setting of this function contains these
    hosts, except for that of the function URL, which is created after the function. So the rules
    also refuse the host that the requests were sent to.
    """
    settings = _settings()
    return Rules.of_deployment(settings, settings.guard.refusing([host]))


@serve(app, POST_MESSAGE)
def accept() -> Response[str]:
    """Accept a message; return 202, or 200 for a duplicate."""
    query(app.current_event, POST_MESSAGE)
    return _accept(request_body(app.current_event))


@serve(app, POST_BATCH)
def accept_batch() -> Response[str]:
    """Accept several messages; return 200 with the response to each."""
    query(app.current_event, POST_BATCH)
    refuse_delivery(app.current_event)
    return respond(batched(_answers(split_batch(request_body(app.current_event)))))


@serve(app, TEST_ENDPOINT)
def accept_test(endpoint_id: str) -> Response[str]:
    """Accept a test message to an endpoint. It is delivered like any other message."""
    sender_id = queried_sender(app.current_event, TEST_ENDPOINT)
    return _accept(trial_message(named_endpoint(endpoint_id), sender_id))


def _accept(body: str | bytes) -> Response[str]:
    refuse_delivery(app.current_event)
    (answer,) = _answers([body])
    return respond(answer)


def _answers(bodies: Sequence[str | bytes]) -> list[Answer]:
    """Accept messages, and return the response to each."""
    now, find = datetime.now(UTC), remembering(_acceptance().find_endpoints)
    parsed = [_parse(body, now, find) for body in bodies]
    messages = [each for each in parsed if isinstance(each, Message)]
    results = iter(_acceptance().accept_all(messages, now=now))
    return [_answer(each, next(results)) if isinstance(each, Message) else each for each in parsed]


def _parse(body: str | bytes, now: datetime, find: FindEndpoints) -> Message | Answer:
    """Parse a request body into a message; if that fails, return the error response instead."""
    try:
        return parse_message(
            body,
            now=now,
            rules=_rules(own_host(app.current_event)),
            only_sender=key_sender(app.current_event),
            find_endpoints=find,
            find_subscribers=_acceptance().find_subscribers,
        )
    except InvalidMessageError as error:
        return _refused(error)
    except DependencyError as error:
        _log_failure(reason=str(error))
        return dependency_failed()


def _answer(message: Message, result: Result) -> Answer:
    ids = message.idempotency.message_id, message.idempotency.sender_id
    match result:
        case Reception():
            log_reception(result, **signer(app.current_event))
            return accepted(result)
        case InvalidMessageError():
            return _refused(result)
        case RateExceededError():
            answer = rate_exceeded(*ids, result.seconds)
            _log("message.rejected", "MessageRejected", status=answer.status, senderId=ids[1])
            return answer
        case FullLineError():
            answer = line_full(*ids)
            _log("message.rejected", "MessageRejected", status=answer.status, senderId=ids[1])
            return answer
        case AcceptanceError():
            _log_failure(reason=str(result), messageId=ids[0], senderId=ids[1])
            return acceptance_failed(*ids)


def _refused(error: InvalidMessageError) -> Answer:
    answer = invalid(error)
    _log_invalid(answer)
    return answer


def _log(event: str, metric: str, *, is_fault: bool = False, **fields: Any) -> None:
    log_message(event, metric, is_fault=is_fault, **fields | signer(app.current_event))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the response to a request of an HTTP API or the function URL (payload format 2.0)."""
    deadline.begin(context)
    return app.resolve(event, context)


initialize(_acceptance, _warm_up)
connect(
    lambda: _warm_up().begin(),
    lambda: _acceptance().look_at_endpoints(),
    lambda: _acceptance().look_at_queue(),
)
