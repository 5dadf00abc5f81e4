"""Which target URLs are accepted."""

from __future__ import annotations

import pytest

from homing.targets.target import parse_target
from homing.targets.target_url import MAX_URL_LENGTH, check_target_url

GOOD = [
    "http://example.com",
    "https://example.com/",
    "HTTPS://Example.COM/Hooks",
    "https://example.com:8443/a/b;c=1/%20%E2%82%AC?x[]=1&y=a@b:c/d?e",
    "https://example.com?x=1",
    "http://localhost:8080/",
    "http://my_host/",
    "https://example.com/my_path?my_query=_",
    "http://xn--mnchen-3ya.de/",
    "http://example.com./",
    "http://127.0.0.1:65535/",
    "http://[::1]/",
    "http://[2001:DB8::1]:8080/",
    "http://[::ffff:127.0.0.1]/",
    "http://a/~user/(x)!$&'*+,;=",
    "http://" + ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61]) + "/",
    "http://a/" + "x" * (MAX_URL_LENGTH - 9),
]


@pytest.mark.parametrize("url", GOOD)
def test_a_url_that_can_be_sent_to_is_taken_as_it_is(url: str) -> None:
    assert check_target_url(url) == url


@pytest.mark.parametrize("url", GOOD)
def test_what_is_accepted_can_be_sent_to(url: str) -> None:
    assert parse_target(url).host in url.lower()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "absolute"),
        ("example.com", "absolute"),
        ("example.com:80/", "absolute"),
        ("/hooks", "absolute"),
        ("//example.com/", "absolute"),
        ("http:example.com", "absolute"),
        ("http:/example.com", "absolute"),
        ("http:///hooks", "absolute"),
        ("ftp://example.com/", "absolute"),
        ("file:///etc/passwd", "absolute"),
        ("javascript:alert(1)", "absolute"),
        ("https://", "absolute"),
        ("https://user@example.com/", "credentials"),
        ("https://user:secret@example.com/", "credentials"),
        ("https://@example.com/", "credentials"),
        ("https://good.example@evil.example/", "credentials"),
        ("https://example.com/#top", "fragment"),
        ("https://example.com/#", "fragment"),
        (" https://example.com/", "character"),
        ("https://example.com/ ", "character"),
        ("https://example.com/a b", "character"),
        ("https://example.com/\r\nX-Evil: 1", "character"),
        ("https://exa\tmple.com/", "character"),
        ("https://example.com/\x00", "character"),
        ("https://example.com/é", "character"),
        ("https://münchen.de/", "xn--"),
        ("https://example。com/", "character"),
        ("https://good.example\\@evil.example/", "character"),
        ('https://example.com/"', "character"),
        ("https://example.com/{id}", "character"),
        ("https://example.com/%", "hexadecimal"),
        ("https://example.com/%zz", "hexadecimal"),
        ("https://example.com:0/", "port"),
        ("https://example.com:/", "port"),
        ("https://example.com:65536/", "port"),
        ("https://example.com:999999/", "port"),
        ("https://example.com:-1/", "port"),
        ("https://example.com:80a/", "port"),
        ("https://:80/", "port"),
        ("https://::1/", "port"),
        ("https://[::1]x/", "port"),
        ("https://[::1/", "host"),
        ("https://[fe80::1%25eth0]/", "host"),
        ("https://[v1.a]/", "host"),
        ("https://[:::]/", "host"),
        ("https://[127.0.0.1]/", "host"),
        ("https://my_host.example/", "underscore"),
        ("https://_a.example:8443/", "underscore"),
        ("HTTPS://a.b_.example/", "underscore"),
        ("https://exa%6dple.com/", "host"),
        ("https://-a.example/", "host"),
        ("https://a..example/", "host"),
        ("https://.example/", "host"),
        ("https://a!b/", "host"),
        ("https://" + "a" * 64 + ".example/", "host"),
        ("https://" + ".".join(["a" * 63] * 4) + "/", "host"),
        ("http://a/" + "x" * (MAX_URL_LENGTH - 8), "longer than 999"),
    ],
)
def test_a_url_that_cannot_be_sent_to_or_may_be_misread_is_refused(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_target_url(url)


def test_the_longest_url_just_fits_into_the_sort_key() -> None:
    assert len(f"2025-12-28T12:00:00.000Z#{'x' * MAX_URL_LENGTH}".encode()) == 1024
