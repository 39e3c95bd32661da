"""A real Chromium without a window, over the DevTools protocol on a pipe: no package is needed."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

import anyio
import anyio.abc
import anyio.to_thread

SECONDS = 60.0
LOOK_AGAIN_SECONDS = 0.05
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
    "--no-proxy-server", "--remote-debugging-pipe",
)  # fmt: skip
CHUNK_BYTES = 1 << 16
ON_THREE_AND_FOUR = """
import fcntl, os, sys
mine = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 10) for fd in sys.argv[1:3]]
os.dup2(mine[0], 3)
os.dup2(mine[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Browser:
    """One page of a browser. `problems`: uncaught errors, and what a policy refused."""

    def __init__(self, reads: int, writes: int) -> None:
        self._reads = reads
        self._writes = writes
        self._answers: dict[int, dict[str, Any]] = {}
        self._heard = anyio.Event()
        self._last_id = 0
        self._session: str | None = None
        self.problems: list[str] = []

    async def listen(self) -> None:
        """Until the browser is gone."""
        rest = b""
        while chunk := await anyio.to_thread.run_sync(
            os.read, self._reads, CHUNK_BYTES, abandon_on_cancel=True
        ):
            *whole, rest = (rest + chunk).split(b"\0")
            for message in whole:
                self._hear(json.loads(message))

    def _hear(self, message: dict[str, Any]) -> None:
        if "id" in message:
            self._answers[message["id"]] = message
            heard, self._heard = self._heard, anyio.Event()
            heard.set()
            return
        params = message.get("params", {})
        if message["method"] == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.problems.append(details.get("exception", {}).get("description", details["text"]))
        elif message["method"] == "Log.entryAdded" and params["entry"]["source"] == "security":
            self.problems.append(params["entry"]["text"])

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        self._last_id += 1
        mine = self._last_id
        message = {"id": mine, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._writes, json.dumps(message).encode() + b"\0")
        with anyio.fail_after(SECONDS):
            while mine not in self._answers:
                await self._heard.wait()
        answer = self._answers.pop(mine)
        assert "error" not in answer, (method, answer)
        found: dict[str, Any] = answer["result"]
        return found

    async def attach(self) -> None:
        targets = (await self.send("Target.getTargets"))["targetInfos"]
        page = next(t["targetId"] for t in targets if t["type"] == "page")
        session = await self.send("Target.attachToTarget", targetId=page, flatten=True)
        self._session = session["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            await self.send(f"{domain}.enable")

    # --- what a user does and sees ------------------------------------------------------------

    async def open(self, url: str) -> None:
        await self.send("Page.navigate", url=url)

    async def run(self, expression: str) -> Any:
        """What the page says of itself. Our own code: the page's policy does not bind it."""
        answer = await self.send(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, (expression, answer["exceptionDetails"])
        return answer["result"].get("value")

    async def until(self, expression: str) -> None:
        """Return once it is true of the page."""
        seen = False
        with anyio.move_on_after(SECONDS):
            while not (  # noqa: ASYNC110 - a page sets no Event of ours
                seen := await self.run(f"Boolean({expression})")
            ):
                await anyio.sleep(LOOK_AGAIN_SECONDS)
        text = "" if seen else await self.text()
        assert seen, f"not in time: {expression}\n{text}\n{self.problems}"

    async def shows(self, text: str, where: str = "body") -> None:
        await self.until(f"{_node(where)}?.innerText.includes({json.dumps(text)})")

    async def text(self, where: str = "body") -> str:
        return str(await self.run(f"{_node(where)}?.innerText ?? ''"))

    async def press(self, where: str) -> None:
        """As a keyboard user does: focus, then Enter; once it is there and may be pressed."""
        await self.until(
            f"{_node(where)}?.checkVisibility() && "
            f"!{_node(where)}.matches(':disabled, [aria-disabled=true]')"
        )
        await self.run(f"{_node(where)}.focus()")
        await self.key("Enter", "\r")

    async def key(self, name: str, text: str = "") -> None:
        for kind in ("keyDown", "keyUp"):
            typed = text if kind == "keyDown" else ""
            code = {"Enter": 13, "Tab": 9}.get(name, 0)
            await self.send("Input.dispatchKeyEvent", type=kind, key=name, code=name, text=typed,
                            windowsVirtualKeyCode=code)  # fmt: skip

    async def type(self, where: str, text: str) -> None:
        await self.until(f"{_node(where)}?.checkVisibility()")
        await self.run(f"{_node(where)}.focus()")
        await self.send("Input.insertText", text=text)

    async def shape(self, width: int, *, height: int = 900, scheme: str = "light") -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.send("Emulation.setEmulatedMedia", features=features)
        await self.send("Emulation.setDeviceMetricsOverride", width=width, height=height,
                        deviceScaleFactor=1, mobile=False)  # fmt: skip

    async def picture(self, file: Path) -> None:
        data = (await self.send("Page.captureScreenshot", format="png"))["data"]
        await anyio.Path(file).write_bytes(base64.b64decode(data))


def _node(where: str) -> str:
    return f"document.querySelector({json.dumps(where)})"


@asynccontextmanager
async def browsing(executable: str, profile: Path) -> AsyncIterator[Browser]:
    """The browser reads commands from its descriptor 3 and writes to its descriptor 4."""
    to_read, commands = os.pipe()
    answers, to_write = os.pipe()
    process = await anyio.open_process(
        [sys.executable, "-c", ON_THREE_AND_FOUR, str(to_read), str(to_write),
         executable, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
        pass_fds=(to_read, to_write), stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL,
    )  # fmt: skip
    os.close(to_read)
    os.close(to_write)
    browser = Browser(answers, commands)
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(browser.listen)
            await browser.attach()
            yield browser
            process.kill()  # the pipe ends, and with it the listening
    finally:
        with anyio.CancelScope(shield=True):
            if process.returncode is None:
                process.kill()
            await process.wait()
            os.close(answers)
            os.close(commands)
