"""The ICP finder, end to end: the conversation of its specification, typed through a real MCP
client over stdio, against the bundled world's twins; the list arrives at a mail server and in an
Odoo of this machine's own. Run by `make demo-icp`; needs no key and no service."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from data411_mcp.twins.odoo import running_odoo
from data411_mcp.twins.smtp_server import running_smtp

WORLD = Path(__file__).resolve().parent / "worlds" / "blackknight"
WEBSITE = "https://www.theblackknight.org/"
CUSTOMERS = """\
Northgate Chilled Foods — northgatechilled.example
Harbour & Vine Provisions — harbourvine.example
Larkfield Fresh Produce — larkfieldfresh.example
Seaglass Seafood Merchants — seaglassseafood.example
Copperpot Dairy Wholesale — copperpotdairy.example
Tamarind Frozen Imports — tamarindfrozen.example"""
LOST = "Quill Office Supplies — quilloffice.example (no fit)"
RECIPIENT = "sales@theblackknight.example"
APIFY_KEY = "apify_api_twin"


class Chat:
    """What is typed goes through `icp_intake`; what comes back is printed as it was said."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._began = time.monotonic()
        self._told: set[str] = set()
        self.thread = ""

    async def _progress(self, progress: float, total: float | None, message: str | None) -> None:
        if message and message not in self._told:
            self._told.add(message)
            print(f"  {time.monotonic() - self._began:5.1f}s  {message}")

    async def call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        result = await self._client.call_tool(tool, arguments, progress_callback=self._progress)
        answer = result.structured_content or {}
        if result.is_error:
            raise SystemExit(f"{tool}: {answer}")
        self.thread = answer.get("thread_id") or self.thread
        return answer

    async def say(self, text: str) -> dict[str, Any]:
        print(f"\nYou    {text.splitlines()[0]}")
        for line in text.splitlines()[1:]:
            print(f"       {line}")
        arguments = {"message": text}
        if self.thread:
            arguments["thread_id"] = self.thread
        answer = await self.call("icp_intake", arguments)
        while answer.get("job", {}).get("status") in ("queued", "running"):
            self.show(answer)
            answer = await self.call("icp_status", {"thread_id": self.thread, "wait_seconds": 45})
        self.show(answer)
        return answer

    def show(self, answer: dict[str, Any]) -> None:
        """Each message once; those of the job were printed as progress."""
        for message in answer.get("messages", []):
            if message not in self._told:
                self._told.add(message)
                print(f"Agent  {message}")


async def demo(data_dir: str) -> None:
    async with AsyncExitStack() as stack:
        smtp = await stack.enter_async_context(running_smtp())
        odoo = await stack.enter_async_context(running_odoo())
        environment = {
            **os.environ,
            "DATA411_DATA_DIR": data_dir,
            "DATA411_WORLD": str(WORLD),
            "DATA411_TWIN_LATENCY": os.environ.get("DATA411_TWIN_LATENCY", "0.02"),
            "APIFY_TOKEN": APIFY_KEY,
            "DATA411_SMTP_HOST": "127.0.0.1",
            "DATA411_SMTP_PORT": str(smtp.port),
            "DATA411_NOTIFY_RECIPIENTS": f'{{"local": ["{RECIPIENT}"]}}',
            "DATA411_ODOO_URL": odoo.url,
            "DATA411_ODOO_DB": odoo.database,
            "DATA411_ODOO_API_KEY": odoo.key,
        }
        server = StdioServerParameters(
            command=sys.executable, args=["-m", "data411_mcp", "serve"], env=environment
        )
        client = await stack.enter_async_context(Client(stdio_client(server)))
        chat = Chat(client)
        await chat.say("Find me companies like my best customers")
        await chat.say(WEBSITE)
        await chat.say(f"{CUSTOMERS}\nLost: {LOST}")
        planned = await chat.say("confirm")
        show_profile(planned.get("profile") or {})
        await show_list(chat, planned)
        await chat.say("run enrichment")
        await chat.call("icp_status", {"thread_id": chat.thread, "wait_seconds": 45})
        await show_companies(chat, client)
        show_delivery(smtp.received, odoo.rows("res.partner"), odoo.rows("crm.lead"))


def show_profile(profile: dict[str, Any]) -> None:
    print("\nThe profile: what the customers share, and the lost ones do not")
    for name, value in profile.items():
        if value:
            shown = value if isinstance(value, (str, int)) else ", ".join(map(str, value))
            print(f"  {name:<14} {shown}")


async def rows_of(chat: Chat, answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The whole list, page by page as it is answered."""
    rows = list(answer.get("items", []))
    while answer.get("next_offset"):
        page = {"thread_id": chat.thread, "offset": answer["next_offset"]}
        answer = await chat.call("icp_status", page)
        rows += answer.get("items", [])
    return rows


async def show_list(chat: Chat, answer: dict[str, Any]) -> None:
    print(f"\nThe list ({answer.get('total', 0)}), with what speaks for and against each:")
    for row in await rows_of(chat, answer):
        place = f"  {row['rank']:>2}. {row['name']:<34}"
        print(f"{place}{row['score']:>4} {row['bucket']}  {row['why']}")
        for name in ("failed", "unknown"):
            if row.get(name):
                print(f"      {name}: {', '.join(row[name])}")


async def show_companies(chat: Chat, client: Client) -> None:
    """Whom to reach at each, and the first one's graph: an ordinary lead session, with the proof
    of each fact."""
    rows = await rows_of(chat, await chat.call("icp_status", {"thread_id": chat.thread}))
    print("\nWhom to reach:")
    for row in rows:
        if row["state"] not in ("done", "failed"):
            continue
        print(f"  {row['rank']:>2}. {row['name']}{reached(row)}")
        for contact in row.get("contacts", []):
            if contact.get("name"):
                print(f"      {', '.join(filter(None, (contact['name'], contact.get('title'))))}"
                      f"{reached(contact)}")  # fmt: skip
    enriched = next((r for r in rows if r.get("chat_session_id")), None)
    if enriched is None:
        return
    print(f"\n{enriched['name']}, as get_lead_graph has it:")
    found = await client.call_tool(
        "get_lead_graph", {"chat_session_id": enriched["chat_session_id"], "section": "summary"}
    )
    for part in (found.structured_content or {}).get("items", []):
        print(part["summary_markdown"].rstrip())


def reached(told: dict[str, Any]) -> str:
    email = told.get("email", "")
    if email and told.get("deliverability", "unknown") != "unknown":
        email += f" ({told['deliverability']})"
    ways = filter(None, (email, told.get("phone"), told.get("reason")))
    return "".join(f" · {way}" for way in ways)


def show_delivery(mails: list[Any], partners: list[Any], leads: list[Any]) -> None:
    print(f"\nDelivered: {len(mails)} mail(s), {len(leads)} lead(s) in Odoo", end="")
    print(f", {len(partners)} companies and people.")
    for mail in mails:
        message = mail.message
        names = [part.get_filename() for part in message.iter_attachments()]
        print(f"  to {', '.join(mail.recipients)}: {message['Subject']} (with {', '.join(names)})")
    for lead in leads[:3]:
        print(f"  {lead['name']}")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="data411-demo-") as data_dir:
        anyio.run(demo, data_dir)


if __name__ == "__main__":
    main()
