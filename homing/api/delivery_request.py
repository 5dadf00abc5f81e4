"""Requests that list deliveries or start bulk redrives, as models for pydantic and OpenAPI."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field, WithJsonSchema

from homing.api.endpoint_request import read_limit, sources_of
from homing.errors import FieldError, InvalidMessageError
from homing.ledger.delivery_filter import LISTED, DeliveryFilter
from homing.reception.raw_json import read_value
from homing.reception.request_model import (
    EndpointId,
    Fields,
    Instant,
    Maybe,
    MessageId,
    SenderId,
    optional,
    read_fields,
)
from homing.recovery.bulk_redrive import (
    DEFAULT_RATE,
    HIGHEST_RATE,
    LONGEST_HOURS,
    LOWEST_RATE,
    REDRIVABLE,
    too_long,
)
from homing.retry.classification import Category, Status
from homing.targets.target_url import MAX_URL_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from homing.ledger.delivery_index import Page, Place

# Deliveries with other statuses are not listed, since that would cost one more write for each
# message. They can be looked up by the id of their message.
_UNLISTED = "is not a listed status; give one of"


def _listed(status: Status) -> Status:
    if status not in LISTED:
        raise ValueError(f"{_UNLISTED} {', '.join(LISTED)}")
    return status


ListedStatus = Annotated[
    Status,
    Field(strict=False),
    AfterValidator(_listed),
    WithJsonSchema({"type": "string", "enum": [each.value for each in LISTED]}),
]
Text = Annotated[str, Field(min_length=1, max_length=200)]


class FilterRequest(Fields):
    """A filter of deliveries; all given fields must match."""

    status: Maybe[Annotated[list[ListedStatus], Field(min_length=1)]] = optional(
        "The statuses of the deliveries. Default: every status that is allowed here."
    )
    message_id: Maybe[Text] = optional("A part of the messageId.")
    endpoint_id: Maybe[EndpointId] = optional("The endpoint.")
    target_url: Maybe[Annotated[str, Field(min_length=1, max_length=MAX_URL_LENGTH)]] = optional(
        "The beginning of the target URL."
    )
    event_type: Maybe[Annotated[str, Field(min_length=1, max_length=128)]] = optional(
        "The event type of the message; order.* stands for all types that begin with `order.`."
    )
    category: Maybe[Annotated[Category, Field(strict=False)]] = optional(
        "The category of the latest attempt."
    )
    since: Maybe[Instant] = optional("Only deliveries last updated at this time or later.")
    before: Maybe[Instant] = optional("Only deliveries last updated earlier than this time.")
    reason: Maybe[Text] = optional(
        "Text that the reason of the latest attempt contains; case is ignored."
    )

    def for_sender(self, sender_id: str | None) -> DeliveryFilter:
        """Return the filter for the deliveries of one sender; None stands for all senders."""
        return DeliveryFilter(
            statuses=LISTED if self.status is None else tuple(dict.fromkeys(self.status)),
            message_id=self.message_id,
            sender_id=sender_id,
            endpoint_id=self.endpoint_id,
            target_url=self.target_url,
            event_type=self.event_type,
            category=self.category,
            since=self.since,
            before=self.before,
            reason=self.reason,
        )


class BulkRedriveRequest(Fields):
    """A request for a bulk redrive: which failed deliveries to redrive, and how fast."""

    filter: FilterRequest = Field(
        description="A filter for the sender's failed deliveries; {} selects all of them."
    )
    rate_per_second: Annotated[
        float, Field(ge=LOWEST_RATE, le=HIGHEST_RATE, allow_inf_nan=False)
    ] = Field(DEFAULT_RATE, description="How many deliveries are redriven per second, at most.")
    dry_run: bool = Field(
        default=False,
        description=(
            "If true, nothing is redriven; the response shows the number of deliveries that would "
            "be redriven, grouped by endpoint and category."
        ),
    )
    redrive_id: Maybe[MessageId] = optional(
        "The id of the bulk redrive, which makes it safe to repeat the request. Default: random."
    )
    sender_id: Maybe[SenderId] = optional(
        "The sender of the deliveries. Default: the sender of the API key; with AWS credentials, "
        "`default`."
    )


def read_bulk_redrive(body: str | bytes) -> BulkRedriveRequest:
    """Read the body of a request for a bulk redrive.

    Raises:
        InvalidMessageError: when the body is invalid; contains all errors.
    """
    raw = {name: read_value(name, source) for name, source in sources_of(body).items()}
    request, errors = read_fields(BulkRedriveRequest, raw)
    errors += _not_redrivable(request.filter if request else None)
    if request is None or errors:
        raise InvalidMessageError(errors)
    return request


def check_length(matched: int, rate: float) -> None:
    """Raise InvalidMessageError if a bulk redrive would take longer than allowed."""
    if too_long(matched, rate):
        message = (
            f"is too low: {matched} deliveries would take longer than {LONGEST_HOURS} hours; "
            "raise it, or narrow the filter"
        )
        raise InvalidMessageError([FieldError("ratePerSecond", message)])


def _not_redrivable(given: FilterRequest | None) -> Iterator[FieldError]:
    for each in (given and given.status) or ():
        if each not in REDRIVABLE:
            message = f"{each} cannot be redriven; give {' or '.join(REDRIVABLE)}, or no status"
            yield FieldError("filter.status", message)


def read_filter(raw: Mapping[str, Any], sender_id: str | None) -> DeliveryFilter:
    """Return the filter that the fields of a request describe.

    Args:
        raw: the fields; several statuses as a list, or as text with commas between them.
        sender_id: the sender whose deliveries are selected; None for those of all senders.

    Raises:
        InvalidMessageError: when a field is invalid; contains all errors.
    """
    status = raw.get("status")
    listed = {"status": status.split(",")} if isinstance(status, str) else {}
    request, errors = read_fields(FilterRequest, {**raw, **listed})
    if request is None:
        raise InvalidMessageError(errors)
    return request.for_sender(sender_id)


def read_list_request(
    query: Mapping[str, str], sender_id: str | None, endpoint_id: str | None = None
) -> tuple[DeliveryFilter, Place | None, int]:
    """Return the filter, the start of the page, and the page size of a request for a list.

    Args:
        query: the parameters of the request.
        sender_id: the sender whose deliveries are listed; None for those of all senders.
        endpoint_id: the endpoint, if the path of the request names it.

    Raises:
        InvalidMessageError: when a parameter is invalid.
    """
    others = ("after", "limit", "senderId")
    fields = {name: value for name, value in query.items() if name not in others}
    if endpoint_id is not None:
        fields["endpointId"] = endpoint_id
    return read_filter(fields, sender_id), _place(query.get("after")), read_limit(query)


def list_document(page: Page) -> dict[str, Any]:
    """Return the response to a request for a list of deliveries."""
    more = {} if page.after is None else {"after": after_text(page.after)}
    return {"deliveries": [one.to_document() for one in page.deliveries], **more}


def after_text(place: Place) -> str:
    """Return the opaque token for the next page; `read_list_request` reads it."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _place(text: str | None) -> Place | None:
    if not text:
        return None
    try:
        at, pk, sk = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, TypeError, binascii.Error):
        at = pk = sk = None
    if isinstance(at, str) and isinstance(pk, str) and isinstance(sk, str):
        return at, pk, sk
    message = "is not the `after` of a page of this list; leave it out for the first page"
    raise InvalidMessageError([FieldError("after", message)])
