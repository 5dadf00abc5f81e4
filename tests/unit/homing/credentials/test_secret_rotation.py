from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.credentials.secret_rotation import (
    DEFAULT_GRACE,
    MAX_ACTIVE_SECRETS,
    MAX_GRACE,
    RotationError,
    SigningSecret,
    active_secrets,
    rotate,
)

NOON = datetime(2025, 12, 28, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def texts(secrets: tuple[SigningSecret, ...], now: datetime) -> list[str]:
    return [secret.text for secret in active_secrets(secrets, now)]


def test_the_first_secret_signs_alone_and_without_an_end() -> None:
    secrets = rotate((), "first", NOON)
    assert secrets == (SigningSecret("first", NOON),)
    assert texts(secrets, NOON + 1000 * DEFAULT_GRACE) == ["first"]


def test_the_old_secret_signs_on_for_24_hours_and_not_a_moment_longer() -> None:
    secrets = rotate(rotate((), "old", NOON - HOUR), "new", NOON)
    assert texts(secrets, NOON) == ["new", "old"]
    end = NOON + timedelta(hours=24)
    assert texts(secrets, end - timedelta(microseconds=1)) == ["new", "old"]
    assert texts(secrets, end) == ["new"]


def test_several_old_secrets_sign_at_once_each_to_its_own_end() -> None:
    secrets = rotate((), "a", NOON)
    secrets = rotate(secrets, "b", NOON + HOUR)
    secrets = rotate(secrets, "c", NOON + 2 * HOUR)
    assert texts(secrets, NOON + 2 * HOUR) == ["c", "b", "a"]
    assert texts(secrets, NOON + 25 * HOUR) == ["c", "b"]
    assert texts(secrets, NOON + 26 * HOUR) == ["c"]


def test_a_shorter_grace_ends_all_the_old_ones_sooner() -> None:
    secrets = rotate(rotate((), "a", NOON), "b", NOON)
    secrets = rotate(secrets, "c", NOON, grace=HOUR)
    assert texts(secrets, NOON) == ["c", "b", "a"]
    assert texts(secrets, NOON + HOUR) == ["c"]


def test_a_longer_grace_period_does_not_extend_a_secret_that_ends_sooner() -> None:
    secrets = rotate(rotate((), "a", NOON), "b", NOON, grace=HOUR)
    secrets = rotate(secrets, "c", NOON, grace=7 * DEFAULT_GRACE)
    assert texts(secrets, NOON + HOUR) == ["c", "b"]


def test_a_grace_of_0_leaves_the_new_secret_alone_as_after_a_leak() -> None:
    secrets = rotate(rotate((), "a", NOON), "b", NOON)
    assert rotate(secrets, "c", NOON, grace=timedelta(0)) == (SigningSecret("c", NOON),)


def test_secrets_that_have_ended_are_dropped() -> None:
    secrets = rotate(rotate((), "a", NOON), "b", NOON, grace=HOUR)
    secrets = rotate(secrets, "c", NOON + HOUR)
    assert [secret.text for secret in secrets] == ["c", "b"]


def test_a_clock_that_is_behind_leaves_nothing_unsigned() -> None:
    assert texts(rotate((), "first", NOON), NOON - HOUR) == ["first"]


@pytest.mark.parametrize("grace", [timedelta(seconds=-1), MAX_GRACE + timedelta(seconds=1)])
def test_a_grace_out_of_range_is_refused(grace: timedelta) -> None:
    with pytest.raises(RotationError, match="between 0 and 30 days"):
        rotate((), "a", NOON, grace=grace)


def test_the_longest_grace_is_30_days() -> None:
    assert texts(
        rotate(rotate((), "a", NOON), "b", NOON, grace=MAX_GRACE), NOON + 29 * DEFAULT_GRACE
    )


@pytest.mark.parametrize("grace", [timedelta(0), HOUR])
def test_a_secret_in_use_is_no_new_one(grace: timedelta) -> None:
    secrets = rotate(rotate((), "first", NOON), "second", NOON)
    for text in ("first", "second"):
        with pytest.raises(RotationError, match="already in use") as caught:
            rotate(secrets, text, NOON, grace)
        assert text not in str(caught.value)


def test_a_header_takes_10_signatures_and_a_leak_can_always_be_answered() -> None:
    secrets: tuple[SigningSecret, ...] = ()
    for number in range(MAX_ACTIVE_SECRETS):
        secrets = rotate(secrets, str(number), NOON)
    assert len(active_secrets(secrets, NOON)) == MAX_ACTIVE_SECRETS == 10
    with pytest.raises(RotationError, match="10 secrets still sign"):
        rotate(secrets, "one more", NOON)
    assert texts(rotate(secrets, "one more", NOON, timedelta(0)), NOON) == ["one more"]


def test_a_secret_never_shows_in_its_repr() -> None:
    assert "whsec_abc" not in repr(SigningSecret("whsec_abc", NOON))


@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 30 * 86_400)), max_size=9),
    st.integers(0, 10**7),
)
def test_whatever_the_rotations_the_newest_signs_and_no_old_one_beyond_its_grace(
    steps: list[tuple[int, int]], later: int
) -> None:
    secrets, now, ends = rotate((), "first", NOON), NOON, {"first": None}
    for number, (wait, grace) in enumerate(steps):
        now += timedelta(seconds=wait)
        limit = now + timedelta(seconds=grace)
        ends = {text: min(end or limit, limit) for text, end in ends.items()}
        secrets = rotate(secrets, str(number), now, timedelta(seconds=grace))
        ends[str(number)] = None
    then = now + timedelta(seconds=later)
    assert set(texts(secrets, then)) == {
        text for text, end in ends.items() if end is None or then < end
    }
    assert texts(secrets, then)[0] == list(ends)[-1]
