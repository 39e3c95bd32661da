"""The web twin: pages over plain HTTP and TLS, and names in DNS."""

from __future__ import annotations

import socket
from pathlib import Path

import anyio
import dns.asyncresolver
import dns.exception
import dns.resolver
import pytest

from data411_mcp.twins import load_world, running_twins

DEADLINE_SECONDS = 20


async def test_a_page_is_served_by_its_address_over_tls_and_plain(world_folder, client_for) -> None:
    with anyio.fail_after(DEADLINE_SECONDS):
        async with (
            running_twins(load_world(world_folder)) as twins,
            client_for(twins.address) as web,
        ):
            for url in ("https://acme.example/", "http://acme.example/"):
                reply = await web.get(url)
                assert reply.status_code == 200
                assert "Acme Pumps" in reply.text
                assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert [entry.vendor for entry in twins.log] == ["web", "web"]


@pytest.mark.parametrize("path", ["/contact", "/contact.html", "/contact/", "/contact?a=1"])
async def test_a_path_finds_its_file_in_every_usual_spelling(
    world_folder, client_for, path
) -> None:
    with anyio.fail_after(DEADLINE_SECONDS):
        async with (
            running_twins(load_world(world_folder)) as twins,
            client_for(twins.address) as web,
        ):
            assert "Contact" in (await web.get(f"https://acme.example{path}")).text


async def test_headers_beside_a_file_set_status_and_headers(world_folder, client_for) -> None:
    with anyio.fail_after(DEADLINE_SECONDS):
        async with (
            running_twins(load_world(world_folder)) as twins,
            client_for(twins.address) as web,
        ):
            gone = await web.get("https://acme.example/gone")
            moved = await web.get("https://acme.example/old")
            unknown = await web.get("https://acme.example/nothing")
            robots = await web.get("https://acme.example/robots.txt")
            www = await web.get("https://www.acme.example/contact")
            posted = await web.post("https://acme.example/", content=b"x")
            head = await web.head("https://acme.example/")
    assert (gone.status_code, gone.headers["x-note"]) == (410, "kept")
    assert (moved.status_code, moved.headers["location"]) == (301, "/contact")
    assert unknown.status_code == 404
    assert "Allow: /" in robots.text
    assert www.headers["location"] == "https://acme.example/contact"
    assert posted.status_code == 405
    assert head.status_code == 200
    assert head.text == ""


async def test_a_path_cannot_leave_the_folder_of_its_host(world_folder, client_for) -> None:
    with anyio.fail_after(DEADLINE_SECONDS):
        async with (
            running_twins(load_world(world_folder)) as twins,
            client_for(twins.address) as web,
        ):
            reply = await web.get("https://acme.example/%2e%2e/directory.example/acme/index.html")
            beside = await web.get("https://acme.example/gone.html.headers")
    assert reply.status_code == 404
    assert beside.status_code == 404


async def test_large_pages_are_compressed_for_clients_that_accept_it(
    world_folder, client_for
) -> None:
    with anyio.fail_after(DEADLINE_SECONDS):
        async with (
            running_twins(load_world(world_folder)) as twins,
            client_for(twins.address) as web,
        ):
            packed = await web.get("https://acme.example/big")
            plain = await web.get(
                "https://acme.example/big", headers={"accept-encoding": "identity"}
            )
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text


async def test_every_name_has_a_certificate_of_the_twins_authority(world_folder) -> None:
    with anyio.fail_after(DEADLINE_SECONDS):
        async with running_twins(load_world(world_folder)) as twins:
            context = twins.address.network().ssl_context
            for name in ("acme.example", "openrouter.ai", "xn--bcher-kva.example"):
                stream = await anyio.connect_tcp(
                    "127.0.0.1",
                    twins.address.tls_port,
                    tls=True,
                    ssl_context=context,
                    tls_hostname=name,
                    tls_standard_compatible=False,
                )
                await stream.aclose()


async def test_dns_answers_from_the_world(world_folder) -> None:
    with anyio.fail_after(DEADLINE_SECONDS):
        async with running_twins(load_world(world_folder)) as twins:
            resolver = dns.asyncresolver.Resolver(configure=False)
            resolver.nameservers, resolver.port = ["127.0.0.1"], twins.address.dns_port
            resolver.lifetime = 5

            async def ask(name: str, kind: str) -> list[str]:
                return [r.to_text() for r in await resolver.resolve(name, kind, search=False)]

            assert await ask("acme.example", "A") == ["127.0.0.1"]
            assert await ask("r.jina.ai", "A") == ["127.0.0.1"]
            assert await ask("acme.example", "MX") == ["10 mail.acme.example."]
            assert await ask("alias.example", "A") == ["127.0.0.1"]
            assert await ask("rebind.example", "A") == ["10.0.0.7"]
            assert await ask("cut.example", "A") == ["127.0.0.1"]  # over TCP
            text = (await resolver.resolve("acme.example", "TXT", search=False))[0].strings
            assert b"".join(text).decode() == "v=spf1 -all " + "x" * 300
            with pytest.raises(dns.resolver.NXDOMAIN):
                await ask("nobody.example", "A")
            with pytest.raises(dns.resolver.NoAnswer):
                await ask("acme.example", "AAAA")
            with pytest.raises(dns.resolver.NoNameservers):
                await ask("broken.example", "MX")
            resolver.lifetime = 0.2
            with pytest.raises(dns.exception.Timeout):
                await ask("silent.example", "A")


async def test_a_name_that_does_not_exist_fails_like_the_systems_resolver(world_folder) -> None:
    with anyio.fail_after(DEADLINE_SECONDS):
        async with running_twins(load_world(world_folder)) as twins:
            resolve = twins.address.network().resolve
            assert resolve is not None
            assert await resolve("acme.example") == ["127.0.0.1"]
            with pytest.raises(socket.gaierror):
                await resolve("nobody.example")


async def test_an_error_in_the_block_leaves_it_as_it_is(world_folder: Path) -> None:
    with pytest.raises(LookupError):
        async with running_twins(load_world(world_folder)):
            raise LookupError
