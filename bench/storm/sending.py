"""Sends one post over a connection of its own, as a proxy would for its sender, as slowly or badly as it says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass

from bench.storm.posts import NO_ANSWER, Post

PIECES = 8
PAUSE_SECONDS = 0.4
ANSWER_SECONDS = 60
CHUNK = 65536


@dataclass(frozen=True)
class Answer:
    """The status that a post was answered with, NO_ANSWER where it was not, and how long that took."""

    post: Post
    status: int
    seconds: float

    @property
    def is_as_wanted(self) -> bool:
        """Whether it is one of the good ones."""
        return self.status in self.post.wanted


async def send(post: Post, port: int) -> Answer:
    """The answer to a post. Never raises: a connection that breaks is no answer."""
    begun = time.monotonic()
    status = NO_ANSWER
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                status = await _exchange(post, reader, writer)
            finally:
                writer.close()
    except (OSError, TimeoutError):
        status = status or NO_ANSWER
    return Answer(post, status, time.monotonic() - begun)


async def _exchange(post: Post, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    """The status. Reading goes on while a body is still on its way: it may be refused amid it."""
    sending = asyncio.create_task(_write(post, writer))
    try:
        if post.way == "cut off":
            await sending
            return NO_ANSWER
        head = await reader.read(12)
        while head and len(head) < 12:
            head += await reader.read(12 - len(head))
        status = int(head[9:12]) if head.startswith(b"HTTP/1.1 ") else NO_ANSWER
        while await reader.read(CHUNK):
            pass
        return status
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def _write(post: Post, writer: asyncio.StreamWriter) -> None:
    writer.write(head_of(post))
    pause = PAUSE_SECONDS if post.way in {"slow", "cut off"} else 0
    for piece in _pieces(post):
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(pause)


def head_of(post: Post) -> bytes:
    """The request's first lines."""
    length = (
        "Transfer-Encoding: chunked" if post.way == "chunked" else f"Content-Length: {len(post.body) + post.padding}"
    )
    lines = [f"POST {post.path} HTTP/1.1", "Host: leads.example.com", "Connection: close", length]
    lines.append(f"X-Forwarded-For: {post.source}")
    own = (f"{name}: {value}" for name, value in post.headers.items() if name.lower() not in {"content-length", "host"})
    return "\r\n".join([*lines, *own, "", ""]).encode()


def _pieces(post: Post) -> Iterator[bytes]:
    body = post.body
    if post.way in {"slow", "cut off"}:
        size = len(body) // PIECES + 1
        count = PIECES if post.way == "slow" else PIECES // 2
        yield from (body[at * size : (at + 1) * size] for at in range(count))
    elif post.way == "chunked":
        yield from (b"%x\r\n%b\r\n" % (len(part), part) for part in _parts(post))
        yield b"0\r\n\r\n"
    else:
        yield from _parts(post)


def _parts(post: Post) -> Iterator[bytes]:
    yield post.body
    for at in range(0, post.padding, CHUNK):
        yield b"x" * min(CHUNK, post.padding - at)
