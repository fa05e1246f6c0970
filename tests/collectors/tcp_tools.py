"""What the tests of sockets share: a proxy that misbehaves, a PBX that writes, an Asterisk that speaks AMI."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import socket
import struct
import types
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import wraps


def in_loop(test):
    """Run a test that awaits."""

    @wraps(test)
    def run(*args, **kwargs):
        asyncio.run(test(*args, **kwargs))

    return run


@types.coroutine
def cancelled_at(step, work):
    """`work`, cancelled where it waits for the `step`th time. Whether it came so far."""
    for waits in itertools.count(1):
        try:
            awaited = work.send(None)
        except StopIteration:
            return False
        except asyncio.CancelledError:
            return True
        if waits == step:
            asyncio.current_task().cancel()
        try:
            yield awaited
        except asyncio.CancelledError as error:
            with suppress(asyncio.CancelledError, StopIteration):
                work.throw(error)
            return True


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST, as a machine does that has lost its memory."""
    sock = writer.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Proxy:
    """Between a client and `port`: delays what the server says, drops it, cuts it after so many bytes, or goes silent."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.delay_s = 0.0
        self.silent = False
        """Half-open: nothing goes through any more, and nobody is told."""
        self.cut_after: int | None = None
        """Reset both ends when so many bytes of the server have passed."""
        self.pairs: list[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = []
        self._tasks: set[asyncio.Task] = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.drop()

    def drop(self) -> None:
        """Reset every connection."""
        for pair in self.pairs:
            for writer in pair:
                reset(writer)
        self.pairs.clear()

    async def _accept(self, reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            reset(writer)
            return
        self.pairs.append((writer, far_writer))
        for source, sink, counted in ((reader, far_writer, False), (far_reader, writer, True)):
            task = asyncio.create_task(self._pump(source, sink, counted))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, reader, writer, counted):
        with suppress(OSError):
            while block := await reader.read(65536):
                await asyncio.sleep(self.delay_s)
                while self.silent:
                    await asyncio.sleep(0.01)
                if counted and self.cut_after is not None:
                    block, self.cut_after = block[: self.cut_after], max(0, self.cut_after - len(block))
                writer.write(block)
                await writer.drain()
                if counted and self.cut_after == 0:
                    await asyncio.sleep(0.02)  # RST throws away what has not been read yet
                    self.cut_after = None
                    self.drop()
                    return
            writer.write_eof()


@asynccontextmanager
async def served(part: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], port: int = 0):
    """A server whose part in each connection is `part`; gives its port. A failed assertion of it is raised here."""
    failures: list[BaseException] = []
    tasks: set[asyncio.Task] = set()

    async def serve(reader, writer):
        tasks.add(asyncio.current_task())
        try:
            await part(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        except AssertionError as exc:
            failures.append(exc)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if failures:
            raise failures[0]


class Pbx:
    """A PBX that we connect to: what is `say`d goes to every connection."""

    def __init__(self, port: int = 0) -> None:
        self._wish = port
        self.writers: list[asyncio.StreamWriter] = []
        self.connections = 0

    async def __aenter__(self):
        self._context = served(self._part, self._wish)
        self.port = await self._context.__aenter__()
        return self

    async def __aexit__(self, *args):
        await self._context.__aexit__(*args)

    async def hello(self, reader, writer):
        """A dialogue before the records."""

    async def listen(self, reader, writer):
        while await reader.read(65536):
            pass

    async def _part(self, reader, writer):
        await self.hello(reader, writer)
        self.connections += 1
        self.writers.append(writer)
        try:
            await self.listen(reader, writer)
        finally:
            self.writers.remove(writer)

    async def say(self, data: bytes) -> None:
        """To whoever is connected. What a connection that is just being lost does not take is lost, as with any PBX."""
        while not self.writers:
            await asyncio.sleep(0.002)
        for writer in list(self.writers):
            writer.write(data)
            with suppress(ConnectionError):
                await writer.drain()

    async def hang_up(self, how=lambda writer: writer.close()) -> None:
        """End every connection, in order or with `reset`."""
        while not self.writers:
            await asyncio.sleep(0.002)
        ended = list(self.writers)
        for writer in ended:
            how(writer)
        while set(ended) & set(self.writers):
            await asyncio.sleep(0.002)


class Panasonic(Pbx):
    """A KX-NS with its log-in."""

    def __init__(self, password: bytes = b"PCCSMDR", echo: bytes = b"\r\n", *, telnet: bool = False) -> None:
        super().__init__()
        self._password, self._echo, self._telnet = password, echo, telnet
        self.heard: list[bytes] = []

    async def hello(self, reader, writer):
        writer.write((b"\xff\xfb\x01\xff\xfb\x03" if self._telnet else b"") + b"-")
        self.heard.append(await reader.readuntil(b"\r\n"))
        writer.write(b"SMDR\r\n" * self._telnet + b"Enter Pass")
        await writer.drain()
        await asyncio.sleep(0.01)
        writer.write(b"word:")
        self.heard.append(await reader.readuntil(b"\r\n"))
        if self.heard[-1].strip() != self._password:
            writer.write(b"*******\r\n-")
            await reader.read()
        writer.write(self._echo)


class Asterisk(Pbx):
    """Banner, challenge, log-in, and answers to every action; `mute` answers no more once we are in."""

    def __init__(self, password: str = "secret", *, mute: bool = False) -> None:
        super().__init__()
        self._password, self.mute = password, mute
        self.actions: list[dict[str, str]] = []
        self.received = b""

    async def hello(self, reader, writer):
        writer.write(b"Asterisk Call Manager/9.0.0\r\n")
        key = None
        while True:
            action = await self._action(reader)
            if action["Action"] == "Challenge" and action["AuthType"] == "MD5":
                key = hashlib.md5(b"4711" + self._password.encode()).hexdigest()
                writer.write(b"Response: Success\r\nChallenge: 4711\r\n\r\n")
            elif action["Action"] == "Login" and key is not None and action.get("Key") == key:
                writer.write(b"Response: Success\r\nMessage: Authentication accepted\r\n\r\n")
                return
            else:
                writer.write(b"Response: Error\r\nMessage: Authentication failed\r\n\r\n")

    async def listen(self, reader, writer):
        while True:
            action = await self._action(reader)
            if not self.mute:
                writer.write(f"Response: Success\r\nActionID: {action['ActionID']}\r\n\r\n".encode())

    async def _action(self, reader) -> dict[str, str]:
        block = await reader.readuntil(b"\r\n\r\n")
        self.received += block
        action = dict(line.split(": ", 1) for line in block.decode().split("\r\n") if line)
        self.actions.append(action)
        return action
