"""The function `endpoints`: how senders manage their endpoints."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from homing.credentials.confidential import Confidential, endpoint_holder
from homing.credentials.secrets_table import SecretsTable
from homing.credentials.signing import generate_secret
from homing.endpoints.endpoint import Endpoint
from homing.endpoints.endpoints_table import endpoint_key
from homing.endpoints.store import EndpointStore
from homing.retry.policy import Policy
from homing.targets.address_guard import AddressGuard
from homing_cli.openapi.models import (
    DeletedEndpoint,
    EndpointList,
    EndpointState,
    MatchedEvent,
    NewEndpoint,
    Problem,
    RotatedSecret,
)
from lambdas import endpoints

if TYPE_CHECKING:
    from collections.abc import Iterator

URL = "https://example.com/hooks"
ONE = "/v1/endpoints/orders"


@pytest.fixture(autouse=True)
def container(registry: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A new container, with the environment variables that the stack sets."""
    monkeypatch.setenv("ENDPOINTS_TABLE", "endpoints")
    monkeypatch.setenv("SECRETS_TABLE", "secrets")
    monkeypatch.setenv("DEFAULT_POLICY", json.dumps(Policy().to_document()))
    monkeypatch.setenv("ADDRESS_GUARD", json.dumps(AddressGuard().to_document()))
    monkeypatch.setenv("OWN_HOSTS", "abc123.execute-api.,xyz.lambda-url.")
    caches = (endpoints._settings, endpoints._store)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


def ask(
    method: str, path: str, body: Any = None, *, key_sender: str | None = "shop", **query: str
) -> tuple[int, Any]:
    """Return the function's response to the HTTP API; `key_sender` is the sender of the key."""
    authorizer = {"iam": {}} if key_sender is None else {"lambda": {"senderId": key_sender}}
    event = {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {},
        "queryStringParameters": query or None,
        "requestContext": {
            "http": {"method": method, "path": path},
            "stage": "$default",
            "authorizer": authorizer,
        },
        "isBase64Encoded": False,
        **({} if body is None else {"body": body if isinstance(body, str) else json.dumps(body)}),
    }
    answer = endpoints.handler(event, None)
    document = json.loads(answer["body"])
    if answer["statusCode"] >= 400:
        Problem.model_validate(document, extra="forbid")
    return answer["statusCode"], document


def fields(problem: dict[str, Any]) -> list[str]:
    return [error["field"] for error in problem["errors"]]


def test_a_new_endpoint_comes_with_its_secret_this_once() -> None:
    status, made = ask("PUT", ONE, {"url": URL, "headers": {"X-Key": "planted"}})
    assert status == 201
    NewEndpoint.model_validate(made, extra="forbid")
    assert made["secret"].startswith("whsec_")
    assert (made["senderId"], made["url"]) == ("shop", URL)
    assert made["headerNames"] == ["X-Key"]
    status, found = ask("GET", ONE)
    assert status == 200
    EndpointState.model_validate(found, extra="forbid")
    del made["secret"]
    assert found == made


def test_replacing_an_endpoint_puts_all_back_but_its_secret(registry: Any) -> None:
    ask("PUT", ONE, {"url": URL, "headers": {"X-Key": "1"}, "description": "old"})
    secrets = SecretsTable("secrets", registry)
    before = secrets.find(endpoint_holder("shop", "orders"))
    status, replaced = ask("PUT", ONE, {"url": "https://new.example/"})
    after = secrets.find(endpoint_holder("shop", "orders"))
    assert status == 200
    assert (replaced["url"], replaced["description"]) == ("https://new.example/", "")
    assert "secret" not in replaced
    assert before is not None
    assert after is not None
    assert (after.secrets, after.headers) == (before.secrets, {})


def test_a_patch_changes_the_fields_that_it_has_and_nothing_else(registry: Any) -> None:
    _, made = ask("PUT", ONE, {"url": URL, "headers": {"X-Key": "1"}, "policy": {"jitter": "full"}})
    status, changed = ask("PATCH", ONE, {"description": "new"})
    assert status == 200
    assert changed == {
        **{name: value for name, value in made.items() if name != "secret"},
        "description": "new",
        "updatedAt": changed["updatedAt"],
    }
    ask("PATCH", ONE, {"headers": {"X-New": "2"}})
    kept = SecretsTable("secrets", registry).find(endpoint_holder("shop", "orders"))
    assert kept is not None
    assert kept.headers == {"X-New": "2"}


def test_an_endpoint_is_switched_off_and_on_again() -> None:
    ask("PUT", ONE, {"url": URL})
    _, off = ask("PATCH", ONE, {"enabled": False})
    assert (off["enabled"], off["disabledReason"]) == (False, "by its sender")
    since = off["disabledAt"]
    _, still = ask("PATCH", ONE, {"enabled": False})
    assert still["disabledAt"] == since
    _, on = ask("PATCH", ONE, {"enabled": True})
    assert on["enabled"]
    assert not on.keys() & {"disabledAt", "disabledReason"}


def fail(registry: Any, since: str = "2025-12-28T12:00:00.000Z") -> None:
    """Record a series of failures, as `deliver` does."""
    registry.update_item(
        TableName="endpoints",
        Key=endpoint_key("shop", "orders"),
        UpdateExpression="SET failingSince = :since",
        ExpressionAttributeValues={":since": {"S": since}},
    )


@pytest.mark.parametrize(
    ("method", "body", "is_fresh"),
    [
        ("PATCH", {"url": "https://example.com/other"}, True),
        ("PATCH", {"headers": {"X-Key": "2"}}, True),
        ("PATCH", {"enabled": True}, True),
        ("PUT", {"url": URL}, True),
        ("PATCH", {"url": URL}, False),
        ("PATCH", {"description": "new"}, False),
        ("PATCH", {"policy": {"maxAttempts": 2}}, False),
        ("PATCH", {"enabled": False}, False),
    ],
)
def test_a_change_of_what_is_tried_ends_the_run_of_failures(
    registry: Any, method: str, body: Any, *, is_fresh: bool
) -> None:
    """Otherwise one more failure, days later, would disable an endpoint that was just corrected."""
    ask("PUT", ONE, {"url": URL})
    fail(registry)
    status, changed = ask(method, ONE, body)
    assert (status, "failingSince" not in changed) == (200, is_fresh)


@pytest.mark.parametrize(("enabled", "stays"), [(None, True), (False, True), (True, False)])
def test_one_that_is_disabled_stays_so_when_it_is_replaced_unless_that_enables_it(
    *, enabled: bool | None, stays: bool
) -> None:
    ask("PUT", ONE, {"url": URL})
    _, off = ask("PATCH", ONE, {"enabled": False})
    given = {} if enabled is None else {"enabled": enabled}
    _, replaced = ask("PUT", ONE, {"url": "https://new.example/", **given})
    assert replaced["enabled"] is not stays
    names = ("disabledAt", "disabledReason")
    assert [replaced.get(name) for name in names] == [
        off[name] if stays else None for name in names
    ]


MOVES = ["https://other.example/hooks", "https://example.com:8443/hooks"]


@pytest.mark.parametrize("url", MOVES)
def test_headers_do_not_follow_an_endpoint_to_another_origin(
    registry: Any, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """Otherwise anybody with a sender's key could have the headers sent to another server."""
    guard = AddressGuard(allowed_ports=frozenset({443, 8443})).to_document()
    monkeypatch.setenv("ADDRESS_GUARD", json.dumps(guard))
    ask("PUT", ONE, {"url": URL, "headers": {"X-Key": "planted"}})
    status, problem = ask("PATCH", ONE, {"url": url})
    assert (status, fields(problem)) == (400, ["headers"])
    assert "X-Key" in problem["errors"][0]["message"]
    assert ask("GET", ONE)[1]["url"] == URL
    for headers in ({"X-Key": "new"}, {}):
        status, moved = ask("PATCH", ONE, {"url": url, "headers": headers})
        assert (status, moved["url"], moved["headerNames"]) == (200, url, list(headers))
    kept = SecretsTable("secrets", registry).find(endpoint_holder("shop", "orders"))
    assert kept is not None
    assert kept.headers == {}


def test_headers_stay_where_the_url_moves_within_its_origin() -> None:
    ask("PUT", ONE, {"url": URL, "headers": {"X-Key": "1"}})
    status, moved = ask("PATCH", ONE, {"url": "https://EXAMPLE.com:443/v2"})
    assert (status, moved["headerNames"]) == (200, ["X-Key"])


def test_an_endpoint_without_headers_moves_anywhere() -> None:
    ask("PUT", ONE, {"url": URL})
    assert ask("PATCH", ONE, {"url": "https://other.example/hooks"})[0] == 200


def test_after_every_change_both_items_of_an_endpoint_are_of_one_edition(registry: Any) -> None:
    """`deliver` sends nothing to an endpoint whose two items differ in this."""
    store = EndpointStore("endpoints", "secrets", registry)
    for method, path, body in (
        ("PUT", ONE, {"url": URL, "headers": {"X-Key": "1"}}),
        ("PATCH", ONE, {"description": "new"}),
        ("POST", f"{ONE}/rotate-secret", {}),
        ("PATCH", ONE, {"url": f"{URL}/v2"}),
        ("PATCH", ONE, {"headers": {}}),
        ("PATCH", ONE, {"enabled": False}),
        ("PUT", ONE, {"url": URL}),
        ("POST", f"{ONE}/rotate-secret", {}),
        ("PATCH", ONE, {"enabled": True}),
        ("DELETE", ONE, None),
        ("PUT", ONE, {"url": URL}),
    ):
        assert ask(method, path, body)[0] in {200, 201}
        endpoint = store.endpoints.find("shop", "orders")
        kept = store.secrets.find(endpoint_holder("shop", "orders"))
        assert (endpoint and endpoint.edition) == (kept and kept.edition)


def test_a_rotation_that_missed_a_change_is_answered_with_a_conflict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ask("PUT", ONE, {"url": URL})
    store = endpoints._store()
    stale = store.secrets.find(endpoint_holder("shop", "orders"))
    ask("PATCH", ONE, {"url": f"{URL}/v2"})
    monkeypatch.setattr(store.secrets, "find", lambda _: stale)
    assert ask("POST", f"{ONE}/rotate-secret")[0] == 409


def test_endpoints_are_listed_by_id_page_by_page() -> None:
    for name in ("b", "a", "c"):
        ask("PUT", f"/v1/endpoints/{name}", {"url": URL})
    ask("PUT", ONE, {"url": URL}, key_sender="other")
    _, first = ask("GET", "/v1/endpoints", limit="2")
    _, rest = ask("GET", "/v1/endpoints", limit="2", after=first["after"])
    for page in (first, rest):
        EndpointList.model_validate(page, extra="forbid")
    names = [[each["endpointId"] for each in page["endpoints"]] for page in (first, rest)]
    assert names == [["a", "b"], ["c"]]
    assert "after" not in rest


def test_a_list_goes_on_where_the_table_ends_a_page_before_its_limit() -> None:
    """One Query reads 1 MB, which here is about 90 of the 110 endpoints."""
    store, policy = endpoints._store(), {"schedule": [1.0] * 3}
    item = Endpoint("shop", "", URL, "", "", description="x" * 11_000, policy=policy)
    for number in range(110):
        assert store.save(replace(item, endpoint_id=f"e{number:03}"), Confidential())
    names, after = [], {}
    while after is not None:
        _, page = ask("GET", "/v1/endpoints", **after)
        names += [each["endpointId"] for each in page["endpoints"]]
        after = {"after": page["after"]} if "after" in page else None
    assert names == [f"e{number:03}" for number in range(110)]


@pytest.mark.parametrize("limit", ["0", "101", "x", "-1", "1.5"])
def test_a_page_has_a_size_from_1_to_100(limit: str) -> None:
    status, problem = ask("GET", "/v1/endpoints", limit=limit)
    assert (status, fields(problem)) == (400, ["limit"])


def test_a_deleted_endpoint_is_gone_with_its_secrets(registry: Any) -> None:
    ask("PUT", ONE, {"url": URL})
    status, deleted = ask("DELETE", ONE)
    assert status == 200
    DeletedEndpoint.model_validate(deleted, extra="forbid")
    assert ask("GET", ONE)[0] == 404
    assert registry.scan(TableName="secrets")["Items"] == []


def test_a_rotation_returns_a_new_secret_and_the_old_one_signs_for_another_day() -> None:
    _, made = ask("PUT", ONE, {"url": URL})
    status, rotated = ask("POST", f"{ONE}/rotate-secret")
    assert status == 200
    RotatedSecret.model_validate(rotated, extra="forbid")
    assert rotated["secret"] != made["secret"]
    assert len(rotated["oldSecretsEndAt"]) == 1
    assert ask("POST", f"{ONE}/rotate-secret", {"graceSeconds": 0})[1]["oldSecretsEndAt"] == []


def test_a_secret_of_ones_own_can_be_brought_along() -> None:
    ask("PUT", ONE, {"url": URL})
    own = generate_secret()
    assert ask("POST", f"{ONE}/rotate-secret", {"secret": own})[1]["secret"] == own
    status, problem = ask("POST", f"{ONE}/rotate-secret", {"secret": own})
    assert (status, fields(problem)) == (400, ["secret"])


def test_with_ed25519_the_public_key_is_returned_and_the_private_key_never() -> None:
    status, made = ask("PUT", ONE, {"url": URL, "signing": "v1a"})
    assert status == 201
    assert made["publicKey"].startswith("whpk_")
    _, rotated = ask("POST", f"{ONE}/rotate-secret")
    assert rotated["publicKey"] != made["publicKey"]
    assert "whsk_" not in json.dumps([made, rotated])


def test_where_cryptography_is_missing_ed25519_is_refused_at_once_and_hmac_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As in a stack without `signingLayer`: no delivery may fail because of it later."""
    ask("PUT", "/v1/endpoints/keys", {"url": URL, "signing": "v1a"})
    module = "cryptography.hazmat.primitives.asymmetric.ed25519"
    monkeypatch.setitem(sys.modules, module, None)  # makes Python refuse the import
    wants = {"url": URL, "signing": "v1a"}
    assert ask("PUT", ONE, {"url": URL})[0] == 201
    for method, path, body in (
        ("PUT", "/v1/endpoints/new", wants),
        ("PUT", ONE, wants),
        ("PATCH", ONE, {"signing": "v1a"}),
        ("POST", "/v1/endpoints/keys/rotate-secret", {}),
    ):
        status, problem = ask(method, path, body)
        assert (status, fields(problem)) == (400, ["signing"])
        assert "does not support" in problem["errors"][0]["message"]
    seed = "whsk_" + "A" * 43 + "="
    status, problem = ask("POST", f"{ONE}/rotate-secret", {"secret": seed})
    assert (status, fields(problem)) == (400, ["secret"])
    assert ask("GET", "/v1/endpoints/new")[0] == 404
    assert ask("GET", ONE)[1]["signing"] == "v1"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": "http://example.com/"}, "url"),
        ({"url": "https://10.0.0.1/"}, "url"),
        ({"url": "nowhere"}, "url"),
        ({"url": URL, "headers": {"x": 1}}, "headers.x"),
        ({"url": URL, "attemptsAtOnce": -1}, "attemptsAtOnce"),
        ({"url": URL, "attemptsAtOnce": 101}, "attemptsAtOnce"),
        ({"url": URL, "attemptsAtOnce": True}, "attemptsAtOnce"),
        ({"url": URL, "attemptsAtOnce": None}, "attemptsAtOnce"),
        ({"url": URL, "attemptsAtOnce": "5"}, "attemptsAtOnce"),
        ({"url": URL, "ratePerSecond": 0.009}, "ratePerSecond"),
        ({"url": URL, "ratePerSecond": -1}, "ratePerSecond"),
        ({"url": URL, "ratePerSecond": 500.1}, "ratePerSecond"),
        ({"url": URL, "ratePerSecond": None}, "ratePerSecond"),
        ({"url": URL, "ratePerSecond": "5"}, "ratePerSecond"),
        ({"url": URL, "ratePerSecond": True}, "ratePerSecond"),
        ({"url": URL, "rate": 5}, "rate"),
        ({"url": URL, "headers": {"Host": "x"}}, "headers.Host"),
        ({"url": URL, "headers": {"webhook-signature": "x"}}, "headers.webhook-signature"),
        ({"url": URL, "policy": {"maxAttempts": 21}}, "policy.maxAttempts"),
        ({"url": URL, "policy": {"preset": "standard-webhooks", "schedule": [1]}}, "policy.preset"),
        ({"url": URL, "policy": {"baseDelaySeconds": 7200}}, "policy.baseDelaySeconds"),
        ({"url": URL, "policy": {"giveUpOn": ["5XX"]}}, "policy.giveUpOn[0]"),
        ({"url": URL, "policy": {"retryOn": ["404"], "giveUpOn": ["404"]}}, "policy.giveUpOn"),
        ({"url": URL, "signing": "v2"}, "signing"),
        ({"url": URL, "enabled": "no"}, "enabled"),
        ({"url": URL, "description": "x" * 501}, "description"),
        ({"url": URL, "secret": "whsec_x"}, "secret"),
        ("[]", "body"),
        ("{", "body"),
    ],
)
def test_what_is_wrong_with_an_endpoint_is_reported_by_field(body: Any, field: str) -> None:
    status, problem = ask("PUT", ONE, body)
    assert (status, fields(problem)) == (400, [field])
    assert ask("GET", ONE)[0] == 404


def test_a_request_of_any_length_is_not_read() -> None:
    status, _ = ask("PUT", ONE, {"url": URL, "description": "x" * 70_000})
    assert status == 413


@pytest.mark.parametrize("name", ["a%23b", "x" * 129, "a%20b", ".", "%2E%2E", "..x", "a%2Fb"])
def test_an_id_that_no_endpoint_can_have_is_refused(name: str) -> None:
    status, problem = ask("PUT", f"/v1/endpoints/{name}", {"url": URL})
    assert (status, fields(problem)) == (400, ["endpointId"])


@pytest.mark.parametrize(
    "body",
    [{"graceSeconds": -1}, {"graceSeconds": 2_592_001}, {"graceSeconds": "1"}, {"secret": "x"}],
)
def test_a_rotation_that_makes_no_sense_is_refused(body: dict[str, Any]) -> None:
    ask("PUT", ONE, {"url": URL})
    status, problem = ask("POST", f"{ONE}/rotate-secret", body)
    assert (status, fields(problem)) == (400, list(body))
    assert "whsec_x" not in json.dumps(problem)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", ONE, None),
        ("PATCH", ONE, {"enabled": False}),
        ("DELETE", ONE, None),
        ("POST", f"{ONE}/rotate-secret", None),
    ],
)
def test_another_senders_endpoint_is_not_there(method: str, path: str, body: Any) -> None:
    nowhere = ask(method, path, body, key_sender="thief")
    ask("PUT", ONE, {"url": URL})
    assert ask(method, path, body, key_sender="thief") == nowhere
    assert nowhere[0] == 404
    assert nowhere[1]["type"] == "urn:homing:problem:endpoint-not-found"


def test_a_key_cannot_ask_for_another_sender_and_under_iam_anyone_is_named() -> None:
    ask("PUT", ONE, {"url": URL})
    status, problem = ask("GET", ONE, key_sender="thief", senderId="shop")
    assert (status, fields(problem)) == (403, ["senderId"])
    assert ask("GET", ONE, key_sender=None, senderId="shop")[0] == 200
    assert ask("GET", ONE, key_sender=None)[0] == 404


def test_of_two_changes_at_once_one_is_answered_with_a_conflict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second change reads the endpoint before the first has written it."""
    ask("PUT", ONE, {"url": URL})
    store = endpoints._store()
    stale = store.endpoints.find("shop", "orders")
    ask("PATCH", ONE, {"description": "first"})
    monkeypatch.setattr(store.endpoints, "find", lambda *_: stale)
    for method, body in (("PATCH", {"description": "second"}), ("PUT", {"url": URL})):
        status, problem = ask(method, ONE, body)
        assert (status, problem["type"]) == (409, "urn:homing:problem:endpoint-changed")


def test_tables_that_cannot_be_reached_are_503(registry: Any, logged: Any) -> None:
    registry.delete_table(TableName="endpoints")
    assert ask("GET", ONE)[0] == 503
    assert ask("PUT", ONE, {"url": URL})[0] == 503
    assert {line["message"] for line in logged()} == {"endpoints.failed"}


def test_no_secret_and_no_header_value_is_logged(logged: Any) -> None:
    _, made = ask("PUT", ONE, {"url": URL, "headers": {"X-Key": "planted"}})
    _, rotated = ask("POST", f"{ONE}/rotate-secret")
    text = json.dumps(logged())
    assert '"endpoint.set-up"' in text
    assert not any(each in text for each in ("planted", made["secret"], rotated["secret"]))


def test_a_bound_of_attempts_at_once_is_set_shown_and_taken_away_again() -> None:
    assert "attemptsAtOnce" not in ask("PUT", ONE, {"url": URL})[1]
    assert ask("PATCH", ONE, {"attemptsAtOnce": 3})[1]["attemptsAtOnce"] == 3
    assert ask("PATCH", ONE, {"description": "new"})[1]["attemptsAtOnce"] == 3
    assert "attemptsAtOnce" not in ask("PATCH", ONE, {"attemptsAtOnce": 0})[1]


@pytest.mark.parametrize("rate", ["0.01", "2.5", "500", "20.0"])
def test_a_rate_is_set_shown_kept_and_removed_again(rate: str) -> None:
    assert "ratePerSecond" not in ask("PUT", ONE, {"url": URL})[1]
    assert ask("PATCH", ONE, f'{{"ratePerSecond": {rate}}}')[1]["ratePerSecond"] == float(rate)
    assert ask("PATCH", ONE, {"description": "new"})[1]["ratePerSecond"] == float(rate)
    assert ask("GET", ONE)[1]["ratePerSecond"] == float(rate)
    assert "ratePerSecond" not in ask("PATCH", ONE, {"ratePerSecond": 0})[1]


def series(registry: Any) -> list[str]:
    """Return the series of rate slots that an endpoint has, if any."""
    items = registry.scan(TableName="endpoints")["Items"]
    return [item["series"]["S"] for item in items if "series" in item]


def test_another_rate_begins_another_series_of_slots_and_no_other_change_does(
    registry: Any,
) -> None:
    """An attempt that waits for a slot of an earlier series takes a new one."""
    seen = []
    for change in (
        {"ratePerSecond": 5},
        {"description": "x"},
        {"ratePerSecond": 5},
        {"ratePerSecond": 6},
    ):
        ask("PATCH" if seen else "PUT", ONE, {"url": URL} | change)
        (begun,) = series(registry)
        seen.append(begun)
    assert seen[0] == seen[1] == seen[2] != seen[3]


@pytest.mark.parametrize(
    ("method", "body"), [("PATCH", {"ratePerSecond": 0}), ("PUT", {"url": URL}), ("DELETE", None)]
)
def test_without_a_rate_there_are_no_slots(
    registry: Any, method: str, body: dict[str, Any] | None
) -> None:
    ask("PUT", ONE, {"url": URL, "ratePerSecond": 5})
    assert len(series(registry)) == 1
    assert ask(method, ONE, body)[0] in {200, 204}
    assert series(registry) == []


BIG = '{"payload": {"total": [{"numeric": [">", 100]}], "rate": [1.10, 3.0e2]}}'


def test_a_filter_is_returned_as_it_was_written_to_the_digit() -> None:
    body = f'{{"url": "{URL}", "eventTypes": ["order.*", "*"], "filter": {BIG}}}'
    status, made = ask("PUT", ONE, body)
    assert status == 201
    NewEndpoint.model_validate(made, extra="forbid")
    assert made["eventTypes"] == ["order.*", "*"]
    event = {"requestContext": {"http": {"method": "GET", "path": ONE}, "stage": "$default",
             "authorizer": {"lambda": {"senderId": "shop"}}}, "rawPath": ONE, "headers": {},
             "version": "2.0", "routeKey": f"GET {ONE}", "isBase64Encoded": False}  # fmt: skip
    assert f'"filter": {BIG}' in endpoints.handler(event, None)["body"]
    assert ask("PATCH", ONE, {"description": "x"})[1]["filter"] == made["filter"]
    status, changed = ask("PATCH", ONE, {"eventTypes": [], "filter": {}})
    assert (status, "eventTypes" in changed, "filter" in changed) == (200, False, False)
    ask("PATCH", ONE, body)
    assert "eventTypes" not in ask("PUT", ONE, {"url": URL})[1]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"eventTypes": ["a*"]}, "eventTypes[0]"),
        ({"eventTypes": [""]}, "eventTypes[0]"),
        ({"eventTypes": ["x"] * 51}, "eventTypes"),
        ({"eventTypes": "order.paid"}, "eventTypes"),
        ({"eventTypes": None}, "eventTypes"),
        ({"filter": "{}"}, "filter"),
        ({"filter": None}, "filter"),
        ({"filter": {"payload": {"x": 1}}}, "filter.payload.x"),
        ({"filter": {"detail": {"x": [1]}}}, "filter.detail"),
        ({"filter": {"payload": [{"numeric": [">", "1"]}]}}, "filter.payload[0].numeric[1]"),
        ({"filter": {"payload": {"x": ["y" * 4096]}}}, "filter"),
    ],
)  # fmt: skip
def test_what_is_no_subscription_is_refused_with_the_field(wrong: Any, field: str) -> None:
    status, problem = ask("PUT", ONE, {"url": URL, **wrong})
    assert (status, fields(problem)) == (400, [field])


def test_match_says_who_would_get_an_event_and_why_others_would_not() -> None:
    for name, settings in {
        "all": {"eventTypes": ["*"], "enabled": False},
        "big": {
            "eventTypes": ["order.*"],
            "filter": {"payload": {"total": [{"numeric": [">", 9]}]}},
        },
        "mute": {},
        "other": {"eventTypes": ["cart.*"]},
    }.items():
        ask("PUT", f"/v1/endpoints/{name}", {"url": f"https://{name}.example/", **settings})
    twin = {"url": "https://all.example/", "eventTypes": ["*"]}
    ask("PUT", "/v1/endpoints/twin", twin)
    ask("PUT", "/v1/endpoints/alien", {"url": URL, "eventTypes": ["*"]}, key_sender="other")
    event = {"eventType": "order.paid", "payload": {"total": 5}}
    status, found = ask("POST", "/v1/endpoints/match", event)
    assert status == 200
    MatchedEvent.model_validate(found, extra="forbid")
    why = {
        each["endpointId"]: [f"{one['field']} {one['message']}" for one in each["mismatches"]]
        for each in found["endpoints"]
    }
    assert why == {
        "all": [],
        "big": ['filter.payload.total is 5, but must be one of [{"numeric": [">", 9]}]'],
        "mute": ["eventTypes is empty, so the endpoint gets no events"],
        "other": ['eventTypes has none for "order.paid": ["cart.*"]'],
        "twin": ["url is that of all, which gets the event"],
    }
    assert [each["matches"] for each in found["endpoints"]] == [True, False, False, False, False]


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({"payload": 1}, "eventType"),
        ({"eventType": "a"}, "payload"),
        ({"eventType": "a", "payload": 1, "contentType": "text/plain"}, "payload"),
        ({"eventType": "a", "payload": 1, "targetUrl": URL}, "targetUrl"),
        ({"eventType": "é", "payload": 1}, "eventType"),
    ],
)
def test_an_event_to_match_that_is_none_is_refused(event: Any, field: str) -> None:
    status, problem = ask("POST", "/v1/endpoints/match", event)
    assert (status, fields(problem)) == (400, [field])
