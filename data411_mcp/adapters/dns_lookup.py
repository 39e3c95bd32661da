"""What DNS says of a domain's mail: MX (RFC 5321 §5.1, null MX RFC 7505), SPF (RFC 7208), DMARC
(RFC 7489), and whose servers they are. The answer is kept as a page of stable text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import anyio
import dns.asyncresolver
import dns.exception
import dns.rdatatype
import dns.resolver
import httpx2

from data411_mcp.adapters.guard import check_name
from data411_mcp.domain.evidence import Page
from data411_mcp.errors import LookupFailed, PageRefused
from data411_mcp.network import Network
from data411_mcp.services.ports import Clock, MailDomain, Store

QUERY_SECONDS = 1.5
RECORDS_MAX = 20

# The ending of the first mail server's name → who runs it. Filters stand before other mailboxes.
_PROVIDERS = (
    ("google", "google.com", "googlemail.com"),
    ("microsoft365", "mail.protection.outlook.com", "mx.microsoft", "outlook.com"),
    ("zoho", "zoho.com", "zoho.eu", "zoho.in", "zoho.com.au", "zoho.jp", "zohocloud.ca"),
    ("proton", "protonmail.ch", "proton.ch", "proton.me"),
    ("fastmail", "messagingengine.com", "fastmail.com"),
    ("icloud", "mail.icloud.com"),
    ("yahoo", "yahoodns.net", "biz.mail.yahoo.com"),
    ("mimecast", "mimecast.com", "mimecast.co.za", "mimecast-offshore.com", "mimecast.org"),
    ("proofpoint", "pphosted.com", "ppe-hosted.com", "gpphosted.com", "pphosted.eu"),
    ("barracuda", "barracudanetworks.com", "barracuda.com"),
    ("cisco", "iphmx.com"),
    ("broadcom", "messagelabs.com"),
    ("trendmicro", "trendmicro.com", "trendmicro.eu"),
    ("sophos", "sophos.com"),
    ("hornetsecurity", "hornetsecurity.com", "antispameurope.com"),
    ("godaddy", "secureserver.net"),
    ("ionos", "ionos.com", "ionos.de", "ionos.co.uk", "ionos.es", "ionos.fr", "kundenserver.de",
     "1and1.com", "1and1.co.uk", "perfora.net"),
    ("strato", "rzone.de", "strato.de"),
    ("ovh", "ovh.net", "ovh.com", "ovh.ca"),
    ("gandi", "gandi.net"),
    ("infomaniak", "infomaniak.ch", "ikmail.com"),
    ("namecheap", "privateemail.com", "registrar-servers.com"),
    ("hostinger", "hostinger.com", "titan.email"),
    ("rackspace", "emailsrvr.com"),
    ("dreamhost", "dreamhost.com"),
    ("migadu", "migadu.com"),
    ("mxroute", "mxroute.com", "mxlogin.com"),
    ("cloudflare", "mx.cloudflare.net"),
    ("amazon", "amazonaws.com", "awsapps.com"),
    ("yandex", "yandex.net", "yandex.ru", "yandex.com"),
    ("mailru", "mail.ru"),
    ("tencent", "qq.com"),
    ("alibaba", "mxhichina.com", "aliyun.com", "alibaba-inc.com"),
    ("netease", "netease.com", "qiye.163.com", "ym.163.com"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Answer:
    """`records` of one question; `state` is ok, none, nxdomain, servfail, timeout or offline."""

    state: str
    records: tuple[str, ...] = ()


class MailDomainLookup:
    """Implements `ports.DnsLookup` for one tenant."""

    def __init__(self, network: Network, store: Store, clock: Clock, tenant: str) -> None:
        self._network = network
        self._store = store
        self._clock = clock
        self._tenant = tenant

    def for_tenant(self, tenant: str) -> MailDomainLookup:
        return MailDomainLookup(self._network, self._store, self._clock, tenant)

    async def mail_domain(self, domain: str, *, deadline_seconds: float) -> MailDomain:
        """Four questions at once. A missing SPF or DMARC answer does not fail the lookup.
        Raises PageRefused for a name that is not of the public internet, and
        LookupFailed("timeout" | "servfail" | "offline")."""
        name = _ascii_name(domain)
        answers = await self._ask_all(
            {
                "mx": (name, "MX"),
                "a": (name, "A"),
                "aaaa": (name, "AAAA"),
                "spf": (name, "TXT"),
                "dmarc": (f"_dmarc.{name}", "TXT"),
            },
            deadline_seconds,
        )
        mx = answers["mx"]
        if mx.state not in {"ok", "none", "nxdomain"}:
            raise LookupFailed(mx.state, "The name servers gave no answer.")
        hosts = tuple(row.split(" ", 1)[1] for row in mx.records)
        null_mx = hosts == (".",)
        addresses = () if mx.records else answers["a"].records + answers["aaaa"].records
        spf = _policies(answers["spf"], "v=spf1")
        dmarc = _policies(answers["dmarc"], "v=dmarc1")
        servers = tuple(host.rstrip(".") for host in hosts if host != ".")
        result = MailDomain(
            domain=name,
            exists=mx.state != "nxdomain",
            # Without MX the domain's own address takes the mail (RFC 5321 §5.1).
            mx=servers or ((name,) if addresses and not null_mx else ()),
            null_mx=null_mx,
            spf=spf[0] if spf else None,
            dmarc=dmarc[0] if dmarc else None,
            provider=_provider(servers),
            page=self._page(name, _zone_text(name, answers, addresses, spf, dmarc)),
        )
        await self._store.put_page(self._tenant, result.page)
        return result

    async def _ask_all(
        self, questions: dict[str, tuple[str, str]], deadline_seconds: float
    ) -> dict[str, _Answer]:
        resolver = self._resolver(deadline_seconds)
        answers: dict[str, _Answer] = {}

        async def ask(key: str, name: str, kind: str) -> None:
            answers[key] = await _ask(resolver, name, kind)

        try:
            with anyio.fail_after(deadline_seconds + 0.5):  # the resolver's own limit comes first
                async with anyio.create_task_group() as asking:
                    for key, (name, kind) in questions.items():
                        asking.start_soon(ask, key, name, kind)
        except TimeoutError as error:
            raise LookupFailed("timeout", "The name servers gave no answer in time.") from error
        return answers

    def _resolver(self, deadline_seconds: float) -> dns.asyncresolver.Resolver:
        if self._network.nameservers:
            resolver = dns.asyncresolver.Resolver(configure=False)
            resolver.nameservers = list(self._network.nameservers)
            resolver.port = self._network.nameserver_port
        else:
            try:
                resolver = dns.asyncresolver.Resolver()
            except dns.resolver.NoResolverConfiguration as error:
                raise LookupFailed("offline", "This machine has no name server.") from error
        resolver.lifetime = deadline_seconds
        resolver.timeout = min(QUERY_SECONDS, deadline_seconds)
        return resolver

    def _page(self, name: str, text: str) -> Page:
        body = text.encode()
        url = f"dns:{name}"
        from data411_mcp.domain.extract.record import record_page  # with the first answer

        at = self._clock.now().isoformat()
        return record_page(body, url=url, content_type="text/plain", reader="dns", fetched_at=at)


async def _ask(resolver: dns.asyncresolver.Resolver, name: str, kind: str) -> _Answer:
    try:
        answer = await resolver.resolve(name, kind, search=False)
    except dns.resolver.NXDOMAIN:
        return _Answer("nxdomain")
    except dns.resolver.NoAnswer:
        return _Answer("none")
    except (dns.resolver.LifetimeTimeout, dns.exception.Timeout):
        return _Answer("timeout")
    except dns.resolver.NoNameservers:
        return _Answer("servfail")
    except OSError:
        return _Answer("offline")
    except dns.exception.DNSException:  # a malformed reply
        return _Answer("servfail")
    rows = list(answer)[:RECORDS_MAX]
    if kind == "MX":
        ranked = sorted((row.preference, row.exchange.to_text().lower()) for row in rows)
        return _Answer("ok", tuple(f"{preference} {host}" for preference, host in ranked))
    if kind == "TXT":
        texts = (b"".join(row.strings).decode("utf-8", "replace") for row in rows)
        return _Answer("ok", tuple(sorted(" ".join(text.split()) for text in texts)))
    return _Answer("ok", tuple(sorted(row.to_text() for row in rows)))


def _ascii_name(domain: str) -> str:
    domain = domain.strip().rstrip(".")
    if set(domain) & set("/\\@:?#"):
        raise PageRefused("malformed", "The domain cannot be parsed.")
    try:
        host = httpx2.URL(f"https://{domain}/").raw_host.decode("ascii")
    except (httpx2.InvalidURL, UnicodeError, ValueError):
        raise PageRefused("malformed", "The domain cannot be parsed.") from None
    check_name(host)
    return host.lower()


def _policies(answer: _Answer, tag: str) -> tuple[str, ...]:
    """The records of one policy: those whose first word is the version tag."""
    return tuple(
        text for text in answer.records if text.lower().replace(";", " ").split(" ")[0] == tag
    )


def _provider(servers: Sequence[str]) -> str | None:
    for server in servers:
        for provider, *endings in _PROVIDERS:
            if any(server == ending or server.endswith(f".{ending}") for ending in endings):
                return provider
    return None


def _zone_text(
    name: str,
    answers: dict[str, _Answer],
    addresses: Sequence[str],
    spf: Sequence[str],
    dmarc: Sequence[str],
) -> str:
    """Zone-like lines in a fixed order and without lifetimes: the same answer, the same page.
    What was asked for and is not there is a line too."""
    if answers["mx"].state == "nxdomain":
        return f"{name}. does not exist\n"
    lines = [f"{name}. MX {record}" for record in answers["mx"].records] or [f"{name}. MX none"]
    lines.extend(f"{name}. {'AAAA' if ':' in address else 'A'} {address}" for address in addresses)
    for key, owner, policy, records in (
        ("spf", name, "SPF", spf),
        ("dmarc", f"_dmarc.{name}", "DMARC", dmarc),
    ):
        answered = answers[key].state in {"ok", "none", "nxdomain"}
        missing = f"{owner}. {policy} {'none' if answered else 'not answered'}"
        lines.extend([f'{owner}. TXT "{record}"' for record in records] or [missing])
    return "\n".join(lines) + "\n"
