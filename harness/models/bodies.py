"""Bodies of replies are bounded as they arrive, packed or not, and no redirect leads to another server.

`hooks` gives the HTTP library's own response hooks: they see each response before any of its body is read, those with
an error and those that redirect too. What is too much ends the reply with `RefusedError`, an infrastructure outcome.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx2

LARGEST_REPLY = 4 * 2**20  # bytes, unpacked: a model's longest answer is a tenth of it
LARGEST_DOWNLOAD = 2**31  # of a file's content, which goes to the disk in pieces
_PIECE = 2**16


class RefusedError(ValueError):
    """A reply that is not taken; the message says why."""


class _Bounded(httpx2.AsyncByteStream, httpx2.SyncByteStream):
    """A body unpacked in pieces, which ends with an error where it is too large or takes too long."""

    def __init__(self, stream: Any, encoding: str, most: int, seconds: float) -> None:
        self._stream, self._left, self._most = stream, most, most
        self._until = time.monotonic() + seconds
        # 47: gzip or zlib, as the head of the data says
        self._packed = zlib.decompressobj(47) if encoding else None

    def _unpacked(self, piece: bytes) -> Iterator[bytes]:
        if time.monotonic() > self._until:
            raise httpx2.ReadTimeout("the body takes too long")
        more = True
        while more:
            part = piece
            if self._packed:
                try:
                    part = self._packed.decompress(piece, _PIECE)
                except zlib.error:
                    raise RefusedError("a body that cannot be unpacked") from None
                piece = self._packed.unconsumed_tail
            self._left -= len(part)
            if self._left < 0:
                raise RefusedError(f"a body of more than {self._most / 2**20:g} MB")
            yield part
            more = bool(self._packed) and len(part) == _PIECE  # else all that came is unpacked

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            for part in self._unpacked(piece):
                yield part

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._stream:
            yield from self._unpacked(piece)

    async def aclose(self) -> None:
        await self._stream.aclose()

    def close(self) -> None:
        self._stream.close()


def hooks(seconds: float, *, asynchronous: bool) -> dict[str, list[Callable[[httpx2.Response], Any]]]:
    """`event_hooks` of an HTTP client; a body may take so many seconds at most."""

    def bound(response: httpx2.Response) -> None:
        request = response.request
        if response.has_redirect_location:
            try:
                there = request.url.join(response.headers["location"])
            except httpx2.InvalidURL:
                raise RefusedError("it redirects to no address") from None
            if (there.scheme, there.host, there.port) != (request.url.scheme, request.url.host, request.url.port):
                raise RefusedError(f"it redirects to another server, {there.host}: name that one as base_url")
        encoding = response.headers.pop("content-encoding", "").strip().lower().replace("identity", "")
        if encoding not in ("", "gzip", "x-gzip", "deflate"):
            raise RefusedError(f"a body packed as {encoding!r}, which nobody asked for")
        most = LARGEST_DOWNLOAD if request.url.path.endswith("/content") else LARGEST_REPLY
        response.stream = _Bounded(response.stream, encoding, most, seconds)

    async def bound_later(response: httpx2.Response) -> None:
        bound(response)

    return {"response": [bound_later if asynchronous else bound]}
