"""A mail server as a process of its own: refuses a tenth, hangs up now and then, can be killed.

What it accepts it writes down before it says so, as mail servers do: `python -m
tests.faults.mail_server PORT LOG SEED`.
"""

import asyncio
import os
import random
import re
import sys
from email import message_from_bytes, policy
from typing import Any

from aiosmtpd.smtp import SMTP

#: Of a hundred messages: refused for now and for good, of each half at the address, half after the
#: words.
_FOR_NOW, _FOR_GOOD = 5, 5
#: Of a thousand: hung up after the words came, half of them accepted and half not.
_CUT = 4


class Box:
    """Decides by chance, and writes down."""

    def __init__(self, log: str, seed: str):
        self.log = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        self.chance = random.Random(seed)

    def note(self, what: str, row: str = "-") -> None:
        """One line, whole, before anybody is told."""
        os.write(self.log, f"{what} {row}\n".encode())

    def refusal(self, at: str) -> str | None:
        """Half of those refused at this point."""
        drawn = self.chance.uniform(0, 200)
        if drawn < _FOR_NOW:
            self.note(f"now-{at}")
            return "451 4.3.0 Later"
        if drawn < _FOR_NOW + _FOR_GOOD:
            self.note(f"good-{at}")
            return "550 5.1.1 No such box"
        return None

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if refusal := self.refusal("address"):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if refusal := self.refusal("words"):
            return refusal
        message = message_from_bytes(envelope.content, policy=policy.default)
        [row] = re.findall(r"<(\d+)\.", str(message["Message-ID"]))
        cut = self.chance.uniform(0, 1000)
        if cut < _CUT / 2:
            self.note("cut-before")
            server.transport.abort()
            return "250 OK"
        self.note("accepted", row)
        if cut < _CUT:
            self.note("cut-after")
            server.transport.abort()
        return "250 OK"


async def serve(port: int, log: str, seed: str) -> None:
    """Until killed."""
    box = Box(log, seed)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(box, hostname="mail.example.org", loop=loop), "127.0.0.1", port
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
