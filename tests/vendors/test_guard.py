"""The address guard: what may be fetched, by the text of the URL and by the address."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data411_mcp.adapters.guard import check_hop, check_url, clean_url, is_public
from data411_mcp.errors import PageRefused


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "192.0.0.8", "192.88.99.1", "198.18.0.1", "203.0.113.1", "224.0.0.1",
        "240.0.0.1", "255.255.255.255", "::1", "::", "::ffff:10.0.0.1", "::10.0.0.1", "fe80::1",
        "fc00::1", "fec0::1", "64:ff9b::a00:1", "2002:a00:1::", "2001::1", "5f00::1", "ff02::1",
        "2001:db8::1", "100::1", "not an address", "fe80::1%eth0",
    ],
)  # fmt: skip
def test_an_address_that_is_not_of_the_public_internet_is_refused(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450::1"]
)
def test_a_public_address_passes(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("file:///etc/passwd", "scheme"),
        ("ftp://site.example/", "scheme"),
        ("gopher://site.example/", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("site.example/about", "scheme"),
        ("https://user:pw@site.example/", "userinfo"),
        ("https://@site.example/", "userinfo"),
        ("https://site.example:8443/", "port"),
        ("http://site.example:22/", "port"),
        ("https:///nothing", "malformed"),
        ("https://site.example/a b", "malformed"),
        ("https://site.example\\@evil.example/", "malformed"),
        ("https://site.example/\r\nX: y", "malformed"),
        ("https://site.example/" + "a" * 3000, "malformed"),
        ("http://127.0.0.1/", "ip_literal"),
        ("http://[::1]/", "ip_literal"),
        ("http://8.8.8.8/", "ip_literal"),
        ("http://2130706433/", "private_name"),
        ("http://127.1/", "ip_literal"),
        ("http://0x7f.0x1/", "ip_literal"),
        ("http://localhost/", "private_name"),
        ("http://localhost./", "private_name"),
        ("http://intranet/", "private_name"),
        ("http://db.internal/", "private_name"),
        ("http://printer.local/", "private_name"),
        ("http://router.home.arpa/", "private_name"),
        ("http://a..example/", "private_name"),
    ],
)
def test_a_url_that_must_not_be_fetched_is_refused_with_its_reason(url: str, reason: str) -> None:
    with pytest.raises(PageRefused) as caught:
        check_url(url)
    assert caught.value.reason == reason
    assert "site.example" not in caught.value.message


@pytest.mark.parametrize(
    "url",
    [
        "https://site.example/",
        "http://www.site.example:80/contact?lang=de",
        "https://bücher.example/über-uns",
        "https://shop.site.example:443/p/1#team",
        "HTTPS://Site.Example/",
    ],
)
def test_an_ordinary_url_passes(url: str) -> None:
    check_url(url)


def test_a_hop_may_be_a_public_literal_or_an_allowed_one_but_no_other() -> None:
    assert check_hop("http://8.8.8.8/") == "8.8.8.8"
    assert check_hop("http://127.0.0.1/", frozenset({"127.0.0.1"})) == "127.0.0.1"
    with pytest.raises(PageRefused) as caught:
        check_hop("http://169.254.169.254/latest/meta-data/")
    assert caught.value.reason == "address"


@pytest.mark.parametrize(
    ("url", "cleaned"),
    [
        ("https://site.example/a?token=abc&b=1", "https://site.example/a?b=1"),
        ("https://site.example/?key=1", "https://site.example/"),
        ("https://site.example/?API-Key=1&id=7", "https://site.example/?id=7"),
        ("https://site.example/?X-Amz-Signature=1&X-Amz-Credential=2", "https://site.example/"),
        ("https://site.example/?access_token=1&password=2&sig=3", "https://site.example/"),
        ("https://site.example/a;jsessionid=12?b=1", "https://site.example/a?b=1"),
        ("https://site.example/a#team", "https://site.example/a"),
        (" https://site.example/a%20b?q=a+b&code=7 ", "https://site.example/a%20b?q=a+b&code=7"),
        ("https://Site.Example", "https://Site.Example"),
    ],
)
def test_secrets_and_fragments_are_taken_out_and_the_rest_stays(url: str, cleaned: str) -> None:
    assert clean_url(url) == cleaned


WORDS = st.text(st.characters(categories=("Ll", "Nd"), max_codepoint=127), min_size=1, max_size=8)


@given(pairs=st.lists(st.tuples(WORDS, WORDS), max_size=5), secret=WORDS)
def test_cleaning_is_idempotent_and_loses_only_what_it_should(
    pairs: list[tuple[str, str]], secret: str
) -> None:
    url = "https://site.example/p?" + "&".join(
        f"{name}={value}" for name, value in [*pairs, ("api_key", f"SECRET{secret}")]
    )
    cleaned = clean_url(url)
    assert "SECRET" not in cleaned
    assert clean_url(cleaned) == cleaned
    assert set(parse_qsl(urlsplit(cleaned).query)) <= set(pairs)
