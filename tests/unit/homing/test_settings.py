from __future__ import annotations

import json

import pytest

from homing.errors import SettingsError
from homing.retry.policy import Policy
from homing.settings import AcceptSettings, ComputeBackoffSettings
from homing.targets.address_guard import AddressGuard

COMPLETE = {
    "ADDRESS_GUARD": json.dumps(AddressGuard(allow_http=True).to_document()),
    "OWN_HOSTS": "abc123.execute-api.",
    "MESSAGES_TABLE": "messages",
    "LEDGER_TABLE": "ledger",
    "DELIVERY_QUEUE_URL": "http://queue",
    "BULK_QUEUE_URL": "http://bulk",
    "DEFAULT_POLICY": json.dumps(Policy(max_attempts=5).to_document()),
    "RETENTION_DAYS": "30",
    "ENDPOINTS_TABLE": "endpoints",
    "PAYLOAD_BUCKET": "payloads",
    "LINES_TABLE": "lines",
    "PLACES_TABLE": "places",
    "SENDER_RATE_PER_SECOND": "0.5",
    "SENDER_BACKLOG": "1000",
    "WARM_UP_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:warm-up",
}


def test_settings_are_read_from_the_variables_named_like_their_fields() -> None:
    settings = AcceptSettings.from_env(COMPLETE)
    assert settings.default_policy == Policy(max_attempts=5)
    assert settings.retention_days == 30
    assert settings.address_guard == AddressGuard(allow_http=True)
    assert settings.guard == AddressGuard(
        allow_http=True, refused_hosts=frozenset({"abc123.execute-api."})
    )
    assert AcceptSettings.variables() == tuple(COMPLETE)


def test_all_missing_variables_are_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        AcceptSettings.from_env({"RETENTION_DAYS": "30"})
    for name in COMPLETE.keys() - {"RETENTION_DAYS"}:
        assert f"{name} is not set" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("RETENTION_DAYS", "a month"), ("DEFAULT_POLICY", "{"), ("DEFAULT_POLICY", "[]")],
)
def test_an_unreadable_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is invalid"):
        AcceptSettings.from_env({**COMPLETE, name: value})


def test_the_environment_of_the_process_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETENTION_DAYS", "7")
    assert ComputeBackoffSettings.from_env() == ComputeBackoffSettings(7)
