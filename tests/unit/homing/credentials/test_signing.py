from __future__ import annotations

import json
import subprocess
import sys
import time
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from homing.credentials.signing import (
    SigningError,
    check_secret,
    generate_private_key,
    generate_secret,
    public_key,
    sign,
    signed_content,
)
from homing.identifiers import MESSAGE_ID

# The test vector that Standard Webhooks publishes, and the one for ed25519 from the tests of its
# reference implementation in Go.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PRIVATE_KEY = "whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk="
MESSAGE = "msg_p5jXN8AQM9LWM0D4loKWxJek"
TIMESTAMP = 1_614_265_330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
ASYMMETRIC_SIGNATURE = (
    "v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag=="
)

ids = st.from_regex(MESSAGE_ID.anchored, fullmatch=True)
timestamps = st.integers(0, 2**33)
keys = st.binary(min_size=24, max_size=64)


def secret_of(key: bytes) -> str:
    return "whsec_" + b64encode(key).decode()


def headers(secrets: list[str], body: bytes, timestamp: int) -> dict[str, str]:
    return {
        "webhook-id": MESSAGE,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secrets, MESSAGE, timestamp, body),
    }


def test_the_published_vector_is_reproduced() -> None:
    assert sign([SECRET], MESSAGE, TIMESTAMP, BODY) == SIGNATURE


def test_the_published_vector_for_ed25519_is_reproduced() -> None:
    assert sign([PRIVATE_KEY], MESSAGE, TIMESTAMP, BODY) == ASYMMETRIC_SIGNATURE


def test_several_secrets_sign_side_by_side_in_their_order() -> None:
    assert sign([PRIVATE_KEY, SECRET], MESSAGE, TIMESTAMP, BODY) == (
        f"{ASYMMETRIC_SIGNATURE} {SIGNATURE}"
    )


def test_the_public_library_verifies_any_one_of_the_active_secrets() -> None:
    secrets = [generate_secret(), PRIVATE_KEY, generate_secret(), SECRET]
    sent = headers(secrets, BODY, int(time.time()))
    for secret in secrets:
        if secret.startswith("whsec_"):
            assert Webhook(secret).verify(BODY, sent) == json.loads(BODY)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "msg_other"},
        {"webhook-timestamp": str(int(time.time()) - 1)},
        {"webhook-signature": SIGNATURE},
    ],
)
def test_the_public_library_finds_a_header_that_was_changed(change: dict[str, str]) -> None:
    sent = headers([SECRET], BODY, int(time.time()))
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(BODY, {**sent, **change})


def test_the_public_library_finds_a_body_that_was_written_anew() -> None:
    sent = headers([SECRET], b'{"total": 1.10}', int(time.time()))
    Webhook(SECRET).verify(b'{"total": 1.10}', sent)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(b'{"total":1.1}', sent)


def test_the_public_library_finds_a_secret_that_is_not_active() -> None:
    with pytest.raises(WebhookVerificationError):
        Webhook(generate_secret()).verify(BODY, headers([SECRET], BODY, int(time.time())))


@given(key=keys, message_id=ids, timestamp=timestamps, body=st.text())
def test_every_signature_is_the_public_librarys_own(
    key: bytes, message_id: str, timestamp: int, body: str
) -> None:
    theirs = Webhook(key).sign(message_id, datetime.fromtimestamp(timestamp, UTC), body)
    assert sign([secret_of(key)], message_id, timestamp, body.encode()) == theirs


@given(message_id=ids, timestamp=timestamps, body=st.binary())
def test_every_ed25519_signature_is_verified_with_the_public_key(
    message_id: str, timestamp: int, body: bytes
) -> None:
    version, _, signature = sign([PRIVATE_KEY], message_id, timestamp, body).partition(",")
    verifier = Ed25519PublicKey.from_public_bytes(
        b64decode(public_key(PRIVATE_KEY).removeprefix("whpk_"))
    )
    assert version == "v1a"
    verifier.verify(b64decode(signature), signed_content(message_id, timestamp, body))
    with pytest.raises(InvalidSignature):
        verifier.verify(b64decode(signature), signed_content(message_id, timestamp, body + b" "))


def test_the_bytes_are_signed_as_they_are_text_or_not() -> None:
    body = b"\x00\xff\r\n\xef\xbb\xbf."
    assert signed_content("m", 0, body) == b"m.0." + body


@given(
    left=st.tuples(ids, timestamps, st.binary(max_size=12)),
    right=st.tuples(ids, timestamps, st.binary(max_size=12)),
)
def test_no_two_attempts_have_the_same_signed_content(
    left: tuple[str, int, bytes], right: tuple[str, int, bytes]
) -> None:
    assert (signed_content(*left) == signed_content(*right)) == (left == right)


@pytest.mark.parametrize("message_id", ["", ".", "a.b", "msg.1614265330", "a."])
def test_an_id_that_is_empty_or_holds_a_dot_is_not_signed(message_id: str) -> None:
    with pytest.raises(SigningError, match="message id"):
        sign([SECRET], message_id, TIMESTAMP, BODY)


@pytest.mark.parametrize("timestamp", [-1, 1.5, 1614265330.0, "1614265330.5", "", None, True])
def test_a_timestamp_that_is_no_whole_number_is_not_signed(timestamp: Any) -> None:
    with pytest.raises(SigningError, match="timestamp"):
        sign([SECRET], MESSAGE, timestamp, BODY)


def test_nothing_is_signed_without_a_secret() -> None:
    with pytest.raises(SigningError, match="no secret"):
        sign([], MESSAGE, TIMESTAMP, BODY)


@given(st.integers(24, 64).flatmap(lambda size: st.binary(min_size=size, max_size=size)))
def test_a_secret_of_24_to_64_bytes_is_accepted(key: bytes) -> None:
    assert check_secret(secret_of(key)) == secret_of(key)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        secret_of(b"x" * 23),
        secret_of(b"x" * 65),
        SECRET.removeprefix("whsec_"),
        SECRET.upper(),
        f" {SECRET}",
        f"{SECRET}\n",
        f"{SECRET}====",
        secret_of(b"x" * 25).rstrip("="),
        secret_of(b"\xff" * 24).replace("/", "_"),
        SECRET.replace("M", "*"),
        SECRET.replace("M", "\u00e9"),
        secret_of(b"x" * 25).replace("eA==", "eB=="),
        "whsk_",
        "whsk_" + b64encode(b"x" * 31).decode(),
        "whsk_" + b64encode(b"x" * 33).decode(),
        "whsk_" + b64encode(b"x" * 64).decode(),
        PRIVATE_KEY.replace("whsk_", "whpk_"),
        PRIVATE_KEY.rstrip("="),
    ],
)
def test_what_is_no_secret_is_refused_and_not_repeated_in_the_error(text: str) -> None:
    with pytest.raises(SigningError, match=r"must be wh(sec|sk)_") as caught:
        check_secret(text)
    with pytest.raises(SigningError):
        sign([text], MESSAGE, TIMESTAMP, BODY)
    encoded = text.strip().removeprefix("whsec_").removeprefix("whsk_")
    assert not encoded or encoded not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_good_secret_does_not_make_up_for_a_bad_one() -> None:
    with pytest.raises(SigningError):
        sign([SECRET, "whsec_"], MESSAGE, TIMESTAMP, BODY)


def test_generated_secrets_are_good_and_never_the_same() -> None:
    made = [generate_secret() for _ in range(50)]
    assert len(set(made)) == 50
    for secret in made:
        assert len(b64decode(check_secret(secret).removeprefix("whsec_"))) == 32


def test_generated_private_keys_are_good_and_never_the_same() -> None:
    made = [generate_private_key() for _ in range(50)]
    assert len({public_key(check_secret(key)) for key in made}) == 50


def test_the_public_key_tells_nothing_of_the_private_one() -> None:
    shown = b64decode(public_key(PRIVATE_KEY).removeprefix("whpk_"))
    assert len(shown) == 32
    assert shown != b64decode(PRIVATE_KEY.removeprefix("whsk_"))


def test_without_cryptography_ed25519_is_refused_and_hmac_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = "cryptography.hazmat.primitives.asymmetric.ed25519"
    monkeypatch.setitem(sys.modules, module, None)  # makes Python refuse the import
    for refused in (lambda: sign([PRIVATE_KEY], MESSAGE, TIMESTAMP, BODY), generate_public_key):
        with pytest.raises(SigningError, match="does not support"):
            refused()
    assert sign([SECRET], MESSAGE, TIMESTAMP, BODY) == SIGNATURE


def generate_public_key() -> str:
    return public_key(generate_private_key())


def test_hmac_never_imports_cryptography() -> None:
    script = (
        "import sys; from homing.credentials.signing import generate_secret, sign;"
        "sign([generate_secret()], 'm', 1, b''); sys.exit('cryptography' in sys.modules)"
    )
    process = subprocess.run(  # noqa: S603 - this interpreter, the script above
        [sys.executable, "-c", script], cwd=Path(__file__).parents[4], check=False, timeout=60
    )
    assert process.returncode == 0
