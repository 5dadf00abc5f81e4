"""Whom a message goes to: URLs that it names, or endpoints that its sender has set up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from homing.endpoints.endpoint import Endpoint
from homing.errors import FieldError, InvalidMessageError

FindEndpoints = Callable[[str, Sequence[str]], Mapping[str, Endpoint]]
"""Gives those of a sender's endpoints that exist, by id, for (senderId, ids)."""


@dataclass(frozen=True, slots=True)
class Recipients:
    """Whom a message goes to.

    Args:
        targets: the URLs, each once.
        endpoint_ids: the endpoints they belong to, in the same order; empty for plain URLs.
        policies: what each endpoint overrides of the retry policy, as it was given.
        may_be_full: whether one of them bounds its attempts at once: beyond that they are postponed
            for up to a year (homing/sending/postponement.py).
    """

    targets: tuple[str, ...]
    endpoint_ids: tuple[str, ...] = ()
    policies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    may_be_full: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """What stays the same of them when an endpoint changes its URL."""
        return tuple(f"endpoint:{each}" for each in self.endpoint_ids) or self.targets


def recipients(given: Mapping[str, Any], sender_id: str, find: FindEndpoints) -> Recipients:
    """Give the recipients of a message.

    Args:
        given: the valid fields of the request, in snake case.
        sender_id: who sends it; endpoints are looked for among this sender's only.
        find: looks endpoints up.

    Raises:
        InvalidMessageError: 404 where an endpoint does not exist, or is another sender's; 400
            where two of them share a URL, since the ledger tells deliveries apart by it.
    """
    ids = tuple(dict.fromkeys(given.get("endpoint_ids") or _one(given, "endpoint_id")))
    if not ids:
        return Recipients(tuple(dict.fromkeys(given.get("targets") or [given["target_url"]])))
    found = find(sender_id, ids)
    if errors := [
        FieldError(_field(given, each), "names no endpoint of this sender")
        for each in ids
        if each not in found
    ]:
        raise InvalidMessageError(errors, 404)
    targets = tuple(found[each].url for each in ids)
    if errors := [
        FieldError(_field(given, each), "has the same URL as another of these endpoints")
        for number, each in enumerate(ids)
        if targets[number] in targets[:number]
    ]:
        raise InvalidMessageError(errors)
    policies = {each: found[each].policy for each in ids}
    may_be_full = any(found[each].attempts_at_once for each in ids)
    return Recipients(targets, ids, policies, may_be_full)


def no_endpoints(sender_id: str, ids: Sequence[str]) -> Mapping[str, Endpoint]:
    """Know of no endpoint at all."""
    del sender_id, ids
    return {}


def _one(given: Mapping[str, Any], name: str) -> list[str]:
    return [given[name]] if name in given else []


def _field(given: Mapping[str, Any], endpoint_id: str) -> str:
    if "endpoint_id" in given:
        return "endpointId"
    return f"endpointIds[{given['endpoint_ids'].index(endpoint_id)}]"
