"""Connections that send raw HTTP/1.1 requests, for tests that send thousands of them."""

import asyncio
from collections import Counter
from collections.abc import Iterable


async def send_all(port: int, requests: Iterable[bytes], connections: int = 8) -> Counter[int]:
    """Send requests over a few keep-alive connections, and return the number of each status.

    0 stands for a connection that the server closed without a response; it is opened again.
    """
    pending, statuses = iter(requests), Counter[int]()

    async def work() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
        for request in pending:
            try:
                writer.write(request)
                status, closes = await read_response(reader)
            except (ConnectionError, asyncio.IncompleteReadError):
                status, closes = 0, True
            statuses[status] += 1
            if closes:
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
        writer.close()

    await asyncio.gather(*[work() for _ in range(connections)])
    return statuses


async def read_response(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """Read a response with its body. Return its status, and whether the server closes."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
    headers = dict(line.split(b": ", 1) for line in head[1:-2])
    if length := int(headers.get(b"content-length", b"0")):
        await reader.readexactly(length)
    return int(head[0].split(b" ")[1]), headers.get(b"connection") == b"close"


def get(target: str, *headers: str) -> bytes:
    """Return a GET request."""
    names = {line.partition(":")[0].lower() for line in headers}
    host = () if "host" in names else ("Host: shop.example",)
    return "\r\n".join([f"GET {target} HTTP/1.1", *host, *headers, "", ""]).encode("latin-1")


def post(target: str, body: bytes, media_type: str = "application/json") -> bytes:
    """Return a POST request."""
    head = f"POST {target} HTTP/1.1\r\nHost: shop.example\r\nContent-Type: {media_type}\r\n"
    return head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body
