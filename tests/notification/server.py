"""A mail server for tests: takes letters and prints them as JSON, a line each.

How it treats a recipient is in the name: `refused-...` is never taken, and the refusal names it,
`reopened-...` is so the first time, `later-...` is turned away twice, `stalled-...` gets no answer the
first time, `dropped-...` finds the line cut the first time.
"""

import asyncio
import email
import email.policy
import json
from collections import Counter

from aiosmtpd.smtp import SMTP

seen = Counter()


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        kind = address.split("-")[0]
        seen[address] += 1
        if kind == "refused" or kind == "reopened" and seen[address] == 1:
            return f"550 5.1.1 <{address}>: no such mailbox"
        if kind == "later" and seen[address] <= 2:
            return "451 4.7.1 come again later"
        if kind == "stalled" and seen[address] == 1:
            await asyncio.sleep(3600)
        if kind == "dropped" and seen[address] == 1:
            server.transport.abort()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        letter = email.message_from_bytes(envelope.content, policy=email.policy.default)
        heard = {
            "to": envelope.rcpt_tos[0],
            "from": str(letter["from"]),
            "subject": str(letter["subject"]),
            "id": str(letter["message-id"]),
            "text": letter.get_content(),
        }
        print(json.dumps(heard), flush=True)
        return "250 OK"


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Handler(), enable_SMTPUTF8=True), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
