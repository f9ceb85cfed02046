# SPDX-License-Identifier: Apache-2.0
"""A botnet in one process: each address connects once and behaves as its kind does.

usage: bots.py PORT COUNT AT_ONCE DOMAIN [direct]
    prints one JSON object: what was answered to whom

They are all over 198.18.0.0/15 but for its first 4,096 addresses, told by a PROXY header; with
direct they come from there themselves, which needs those addresses on this machine. Kinds:
early (talks before the greeting, everything at once), plain (has no TLS), silent (says nothing);
and with TLS dictionary (guesses recipients), once (a good recipient, and never comes again), spam
(the same, and would send a letter).
"""

import asyncio
import collections
import json
import sys

import outside
import wire

KINDS = ("early", "dictionary", "plain", "once", "early", "plain", "spam", "early", "plain")
KINDS += ("silent",)
STEP, NETWORK = 12289, (198 << 24) + (18 << 16)
OTHERS, SIZE = 4096, 1 << 17
GUESSES = 5
TLS = wire.client_context()
SILENT_S, PATIENCE_S = 2, 20
SPAM = (
    b"From: Win <win@%s>\r\nSubject: You have won\r\n\r\n"
    b"Click http://%s/win now and be rich.\r\n.\r\n"
)


def address(number):
    value = NETWORK + OTHERS + number * STEP % (SIZE - OTHERS)
    return ".".join(str(value >> s & 255) for s in (24, 16, 8, 0))


class Bot:
    def __init__(self, number, kind, port, domain, direct):
        self.number, self.kind, self.port, self.domain = number, kind, port, domain
        self.direct = direct
        self.name = f"b{number}.bots.test"
        self.said = collections.Counter()

    async def reply(self):
        while True:
            line = await asyncio.wait_for(self.reader.readline(), PATIENCE_S)
            if not line.endswith(b"\n"):
                raise EOFError
            if line[3:4] != b"-":
                self.said[line[:3].decode("ascii", "replace")] += 1
                return line[:3]

    async def ask(self, line):
        self.writer.write(line.encode() + b"\r\n")
        return await self.reply()

    async def early(self):
        lines = [f"EHLO {self.name}", f"MAIL FROM:<x@{self.name}>"]
        lines.append(f"RCPT TO:<user0@{self.domain}>")
        self.writer.write("".join(f"{x}\r\n" for x in lines).encode())
        for _ in range(len(lines) + 1):
            await self.reply()

    async def plain(self):
        await self.reply()
        await self.ask(f"EHLO {self.name}")
        await self.ask(f"MAIL FROM:<x@{self.name}>")

    async def begin(self):
        await self.reply()
        await self.ask(f"EHLO {self.name}")
        if await self.ask("STARTTLS") != b"220":
            raise EOFError
        await self.writer.start_tls(TLS, server_hostname="mx")
        await self.ask(f"EHLO {self.name}")
        await self.ask(f"MAIL FROM:<x@{self.name}>")

    async def dictionary(self):
        await self.begin()
        for i in range(GUESSES):
            await self.ask(f"RCPT TO:<guess{self.number}.{i}@{self.domain}>")

    async def once(self):
        await self.begin()
        await self.ask(f"RCPT TO:<user{self.number % 50}@{self.domain}>")

    async def spam(self):
        await self.begin()
        code = await self.ask(f"RCPT TO:<user{self.number % 50}@{self.domain}>")
        if code.startswith(b"2") and await self.ask("DATA") == b"354":
            self.writer.write(SPAM % (self.name.encode(), self.name.encode()))
            if await self.reply() == b"250":
                self.said["taken"] += 1

    async def silent(self):
        await self.reply()
        await asyncio.sleep(SILENT_S)

    async def run(self):
        own = address(self.number)
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", self.port, local_addr=(own if self.direct else outside.PROXY_FROM, 0)
        )
        try:
            if not self.direct:
                self.writer.write(outside.header(own, self.port))
            await getattr(self, self.kind)()
        finally:
            self.writer.transport.abort()


async def attack(port, count, at_once, domain, direct):
    room = asyncio.Semaphore(at_once)
    said = {kind: collections.Counter() for kind in KINDS}

    async def one(i):
        bot = Bot(i, KINDS[i % len(KINDS)], port, domain, direct)
        try:
            await bot.run()
            said[bot.kind]["ended"] += 1
        except (EOFError, OSError):
            said[bot.kind]["closed"] += 1
        except asyncio.TimeoutError:
            said[bot.kind]["unanswered"] += 1
        finally:
            said[bot.kind] += bot.said
            room.release()

    tasks = []
    for i in range(count):
        await room.acquire()
        tasks.append(asyncio.create_task(one(i)))
    await asyncio.gather(*tasks)
    return said


def main():
    port, count, at_once = (int(x) for x in sys.argv[1:4])
    said = asyncio.run(attack(port, count, at_once, sys.argv[4], "direct" in sys.argv[5:]))
    print(json.dumps(said))


if __name__ == "__main__":
    main()
