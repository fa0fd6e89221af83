"""Malformed and unusual HTTP requests, sent byte by byte to a real server: what each is answered.

A valid request follows each of them on the same connection. It is served if the first one ended
where everyone sees its end; otherwise the connection is closed, so that nothing is smuggled.
"""

import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import psutil
import pytest

from tests.servers import Run, copy_of_template, environ, free_port
from tests.test_serving import wait_until_ready

pytestmark = pytest.mark.once  # nothing here depends on the database

REQUEST_TIMEOUT = 2
HOST = b"Host: shop\r\n"
GET = b"GET /v1/products?limit=1 HTTP/1.1\r\n"
BODY = b'{"query":"{ __typename }"}'
POST = b"POST /graphql HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"1a\r\n" + BODY + b"\r\n0\r\n\r\n"
FOLLOWING = b"GET /health/live HTTP/1.1\r\nHost: shop\r\nX-Request-ID: following\r\nConnection: close\r\n\r\n"


@dataclass
class Answer:
    """A response: its status, its body, and whether the connection was closed after it."""

    status: int
    body: bytes
    closed: bool


@pytest.fixture(scope="module")
def address(run: Run, worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """The address of a running server."""
    port = free_port()
    folder: Path = tmp_path_factory.mktemp("malformed_http")
    settings = {"PORT": str(port), "ACCESS_LOG": "off", "WORKER": "off", "REQUEST_TIMEOUT": str(REQUEST_TIMEOUT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "tradepost", "run"],
        cwd=folder,
        env=environ(copy_of_template(run, f"{worker_id}_malformed_http")) | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_until_ready(process, port)
        yield "127.0.0.1", port
    finally:
        workers = psutil.Process(process.pid).children()
        for member in (process, *workers):
            member.kill()
        process.communicate()


def send(address: tuple[str, int], *pieces: bytes, following: bytes = FOLLOWING, half_close: bool = False) -> Answer:
    """Send a request and then another one; return the answer to the first."""
    with socket.create_connection(address, timeout=20) as connection, connection.makefile("rb") as stream:
        for piece in (*pieces[:-1], pieces[-1] + following):
            connection.sendall(piece)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        try:
            status, _, body = read_answer(stream)
        except ConnectionError:
            return Answer(0, b"", closed=True)
        try:
            rest = read_answer(stream)
        except ConnectionError:
            return Answer(status, body, closed=True)
        assert (rest[0], rest[1][b"x-request-id"]) == (200, b"following")
        return Answer(status, body, closed=False)


def read_answer(stream: BinaryIO) -> tuple[int, dict[bytes, bytes], bytes]:
    """Read one response, or raise ConnectionError if the connection is closed."""
    line = stream.readline()
    if not line:
        raise ConnectionError
    status = int(line.split()[1])
    headers = dict(line.rstrip().lower().split(b": ", 1) for line in iter(stream.readline, b"\r\n"))
    if status == 100:
        return read_answer(stream)
    return status, headers, stream.read(int(headers.get(b"content-length", b"0")))


OPEN, CLOSED = False, True
CASES: dict[str, tuple[bytes, int, bool]] = {
    # Valid, if rare.
    "a plain request": (GET + HOST + b"\r\n", 200, OPEN),
    "empty lines before the request": (b"\r\n\r\n" + GET + HOST + b"\r\n", 200, OPEN),
    "lines that end in LF only (RFC 9112, 2.2)": (GET[:-2] + b"\nHost: shop\n\n", 200, OPEN),
    "a header value in UTF-8": (GET + HOST + "X-Name: Zoë\r\n\r\n".encode(), 200, OPEN),
    "a header value in Latin-1": (GET + HOST + b"X-Name: Zo\xeb\r\n\r\n", 200, OPEN),
    "95 headers": (GET + HOST + b"".join([b"X-%d: a\r\n" % n for n in range(95)]) + b"\r\n", 200, OPEN),
    "headers of 50 kB": (GET + HOST + b"X-Big: " + b"a" * 50_000 + b"\r\n\r\n", 200, OPEN),
    "a body with GET": (GET + HOST + b"Content-Length: 3\r\n\r\nabc", 200, OPEN),
    "a body that no one reads": (
        b"POST /v1/products HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
        401,
        OPEN,
    ),
    "a chunked body": (POST + CHUNKED + b"\r\n" + CHUNKS, 200, OPEN),
    "`chunked` in other letters": (POST + b"Transfer-Encoding: ChunkeD\r\n\r\n" + CHUNKS, 200, OPEN),
    "a chunk extension": (POST + CHUNKED + b"\r\n" + CHUNKS.replace(b"1a", b'1a;a=b;c="d"'), 200, OPEN),
    "a trailer": (POST + CHUNKED + b"\r\n" + CHUNKS[:-2] + b"X-API-Key: none\r\n\r\n", 200, OPEN),
    "the same Content-Length twice (RFC 9110, 8.6)": (
        POST + b"Content-Length: 26\r\nContent-Length: 26\r\n\r\n" + BODY,
        200,
        OPEN,
    ),
    "Expect: 100-continue": (POST + b"Expect: 100-continue\r\nContent-Length: 26\r\n\r\n" + BODY, 200, OPEN),
    "an upgrade that is not offered": (GET + HOST + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 200, OPEN),
    "a target with a host": (b"GET http://shop/v1/products HTTP/1.1\r\n" + HOST + b"\r\n", 200, OPEN),
    "a target with another host": (b"GET http://other.example/v1/products HTTP/1.1\r\n" + HOST + b"\r\n", 200, OPEN),
    "HTTP/1.0": (b"GET /v1/products HTTP/1.0\r\n" + HOST + b"\r\n", 200, CLOSED),
    "HTTP/1.0 without a Host": (b"GET /v1/products HTTP/1.0\r\n\r\n", 200, CLOSED),
    "HTTP/1.0 with keep-alive": (
        b"GET /v1/products HTTP/1.0\r\nConnection: keep-alive\r\n" + HOST + b"\r\n",
        200,
        OPEN,
    ),
    "OPTIONS *": (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", 204, OPEN),
    # Paths and queries.
    "%00 in a path": (b"GET /v1/products/%00 HTTP/1.1\r\n" + HOST + b"\r\n", 404, OPEN),
    "%zz in a path": (b"GET /v1/products/%zz HTTP/1.1\r\n" + HOST + b"\r\n", 404, OPEN),
    "% at the end of a path": (b"GET /v1/products/% HTTP/1.1\r\n" + HOST + b"\r\n", 404, OPEN),
    "%ff in a path": (b"GET /v1/products/%ff HTTP/1.1\r\n" + HOST + b"\r\n", 404, OPEN),
    "%2e%2e in a path": (b"GET /v1/%2e%2e/metrics HTTP/1.1\r\n" + HOST + b"\r\n", 404, OPEN),
    "two slashes": (b"GET //v1/products HTTP/1.1\r\n" + HOST + b"\r\n", 404, OPEN),
    "%00 in a query": (b"GET /v1/products?q=%00 HTTP/1.1\r\n" + HOST + b"\r\n", 400, OPEN),
    "%ff in a query": (b"GET /v1/products?q=%ff HTTP/1.1\r\n" + HOST + b"\r\n", 400, OPEN),
    "%zz in a query is text (URL Standard)": (b"GET /v1/products?q=%zz HTTP/1.1\r\n" + HOST + b"\r\n", 200, OPEN),
    "a byte over 127 in a path": (b"GET /v1/products/\xff HTTP/1.1\r\n" + HOST + b"\r\n", 400, CLOSED),
    "a control character in a path": (b"GET /v1/products/\x01 HTTP/1.1\r\n" + HOST + b"\r\n", 400, CLOSED),
    "a space in a path": (b"GET /v1/pro ducts HTTP/1.1\r\n" + HOST + b"\r\n", 400, CLOSED),
    "GET *": (b"GET * HTTP/1.1\r\n" + HOST + b"\r\n", 404, OPEN),
    # Methods.
    "TRACE": (b"TRACE /v1/products HTTP/1.1\r\n" + HOST + b"\r\n", 405, OPEN),
    "CONNECT": (b"CONNECT shop:80 HTTP/1.1\r\n" + HOST + b"\r\n", 405, OPEN),
    "a method in lower case": (b"get /v1/products HTTP/1.1\r\n" + HOST + b"\r\n", 405, OPEN),
    "an unknown method": (b"BREW /v1/products HTTP/1.1\r\n" + HOST + b"\r\n", 405, OPEN),
    # Request lines.
    "a TLS handshake": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, CLOSED),
    "no version": (b"GET /v1/products\r\n" + HOST + b"\r\n", 400, CLOSED),
    "HTTP/2.0": (b"GET /v1/products HTTP/2.0\r\n" + HOST + b"\r\n", 400, CLOSED),
    "HTTP/1.2": (b"GET /v1/products HTTP/1.2\r\n" + HOST + b"\r\n", 400, CLOSED),
    "HTTP/2 without an upgrade: closed without an answer": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0, CLOSED),
    "a bracket in the method": (b"G(T /v1/products HTTP/1.1\r\n" + HOST + b"\r\n", 400, CLOSED),
    "two spaces": (b"GET  /v1/products HTTP/1.1\r\n" + HOST + b"\r\n", 400, CLOSED),
    "tabs": (b"GET\t/v1/products\tHTTP/1.1\r\n" + HOST + b"\r\n", 400, CLOSED),
    "a space before the method": (b" " + GET + HOST + b"\r\n", 400, CLOSED),
    "a target without a slash": (b"GET v1/products HTTP/1.1\r\n" + HOST + b"\r\n", 400, CLOSED),
    "a target that is a host": (b"GET shop:80 HTTP/1.1\r\n" + HOST + b"\r\n", 400, CLOSED),
    "a target that is a query": (b"GET ?limit=1 HTTP/1.1\r\n" + HOST + b"\r\n", 400, CLOSED),
    "a target of 100 kB": (b"GET /v1/products?q=" + b"a" * 100_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 431, CLOSED),
    # Hosts.
    "no Host": (GET + b"\r\n", 400, CLOSED),
    "two Hosts": (GET + b"Host: shop\r\nHost: other\r\n\r\n", 400, CLOSED),
    "the same Host twice": (GET + HOST + HOST + b"\r\n", 400, CLOSED),
    "an empty Host": (GET + b"Host:\r\n\r\n", 400, CLOSED),
    "a Host with a space": (GET + b"Host: shop one\r\n\r\n", 400, CLOSED),
    "a Host with a path": (GET + b"Host: shop/v1\r\n\r\n", 400, CLOSED),
    "a Host with a user": (GET + b"Host: me@shop\r\n\r\n", 400, CLOSED),
    # Headers.
    "a header of 100 kB": (GET + HOST + b"X-Big: " + b"a" * 100_000 + b"\r\n\r\n", 431, CLOSED),
    "150 headers": (GET + HOST + b"".join([b"X-%d: a\r\n" % n for n in range(150)]) + b"\r\n", 431, CLOSED),
    "CR in a value": (GET + HOST + b"X-A: b\rc\r\n\r\n", 400, CLOSED),
    "NUL in a value": (GET + HOST + b"X-A: b\x00c\r\n\r\n", 400, CLOSED),
    "a folded header": (GET + HOST + b"X-A: b\r\n c\r\n\r\n", 400, CLOSED),
    "a folded first header": (GET + b" " + HOST + b"\r\n", 400, CLOSED),
    "a space before the colon": (GET + HOST + b"X-A : b\r\n\r\n", 400, CLOSED),
    "a space in a name": (GET + HOST + b"X A: b\r\n\r\n", 400, CLOSED),
    "no name": (GET + HOST + b": b\r\n\r\n", 400, CLOSED),
    "no colon": (GET + HOST + b"XA\r\n\r\n", 400, CLOSED),
    "a name that is not ASCII": (GET + HOST + "Zoë: a\r\n\r\n".encode(), 400, CLOSED),
    # Content-Length.
    "no body": (POST + b"\r\n", 400, OPEN),
    "a Content-Length of -1": (POST + b"Content-Length: -1\r\n\r\n" + BODY, 400, CLOSED),
    "a Content-Length of +26": (POST + b"Content-Length: +26\r\n\r\n" + BODY, 400, CLOSED),
    "a hexadecimal Content-Length": (POST + b"Content-Length: 0x1a\r\n\r\n" + BODY, 400, CLOSED),
    "an empty Content-Length": (POST + b"Content-Length:\r\n\r\n" + BODY, 400, CLOSED),
    "a space in a Content-Length": (POST + b"Content-Length: 2 6\r\n\r\n" + BODY, 400, CLOSED),
    "two lengths": (POST + b"Content-Length: 26\r\nContent-Length: 27\r\n\r\n" + BODY, 400, CLOSED),
    "a list of lengths": (POST + b"Content-Length: 26, 26\r\n\r\n" + BODY, 400, CLOSED),
    "a Content-Length over 64 bits": (POST + b"Content-Length: 99999999999999999999\r\n\r\n" + BODY, 400, CLOSED),
    "a Content-Length over the limit": (POST + b"Content-Length: 9999999999\r\n\r\n" + BODY, 413, CLOSED),
    # Transfer-Encoding. hyper removes Content-Length before the app sees the request, and closes.
    "both, Content-Length first": (POST + b"Content-Length: 26\r\n" + CHUNKED + b"\r\n" + CHUNKS, 200, CLOSED),
    "both, Transfer-Encoding first": (POST + CHUNKED + b"Content-Length: 26\r\n\r\n" + CHUNKS, 200, CLOSED),
    "both, and a short length": (POST + b"Content-Length: 4\r\n" + CHUNKED + b"\r\n0\r\n\r\n", 400, CLOSED),
    "HTTP/1.0 with chunks": (POST.replace(b"HTTP/1.1", b"HTTP/1.0") + CHUNKED + b"\r\n" + CHUNKS, 400, CLOSED),
    "identity": (POST + b"Transfer-Encoding: identity\r\nContent-Length: 26\r\n\r\n" + BODY, 400, CLOSED),
    "chunked, identity": (POST + b"Transfer-Encoding: chunked, identity\r\n\r\n" + CHUNKS, 400, CLOSED),
    "identity, chunked": (POST + b"Transfer-Encoding: identity, chunked\r\n\r\n" + CHUNKS, 400, CLOSED),
    "gzip, chunked": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + CHUNKS, 400, CLOSED),
    "chunked, chunked": (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n" + CHUNKS, 400, CLOSED),
    "chunked twice": (POST + CHUNKED + CHUNKED + b"\r\n" + CHUNKS, 400, CLOSED),
    "xchunked": (POST + b"Transfer-Encoding: xchunked\r\nContent-Length: 26\r\n\r\n" + BODY, 400, CLOSED),
    "chunked with a parameter": (POST + b"Transfer-Encoding: chunked;q=1\r\n\r\n" + CHUNKS, 400, CLOSED),
    "a vertical tab before chunked": (POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + CHUNKS, 400, CLOSED),
    "chunked in quotes": (POST + b'Transfer-Encoding: "chunked"\r\n\r\n' + CHUNKS, 400, CLOSED),
    "an empty Transfer-Encoding": (POST + b"Transfer-Encoding:\r\nContent-Length: 26\r\n\r\n" + BODY, 400, CLOSED),
    "identity with GET": (GET + HOST + b"Transfer-Encoding: identity\r\n\r\n", 400, CLOSED),
    # Chunks.
    "a bad chunk size": (POST + CHUNKED + b"\r\n" + CHUNKS.replace(b"1a", b"zz"), 400, CLOSED),
    "a negative chunk size": (POST + CHUNKED + b"\r\n" + CHUNKS.replace(b"1a", b"-1"), 400, CLOSED),
    "a chunk size over 64 bits": (POST + CHUNKED + b"\r\n" + CHUNKS.replace(b"1a", b"f" * 17), 400, CLOSED),
    "a chunk size that ends in LF only": (POST + CHUNKED + b"\r\n" + CHUNKS.replace(b"1a\r", b"1a"), 400, CLOSED),
    "no line break after a chunk": (POST + CHUNKED + b"\r\n1a\r\n" + BODY + b"xx0\r\n\r\n", 400, CLOSED),
    "a chunk extension of 100 kB": (
        POST + CHUNKED + b"\r\n" + CHUNKS.replace(b"1a", b"1a;a=" + b"b" * 100_000),
        400,
        CLOSED,
    ),
    # The answer does not need the body, so it comes before the chunks are read.
    "a bad chunk size with GET": (GET + HOST + CHUNKED + b"\r\nzz\r\n\r\n", 200, CLOSED),
}


@pytest.mark.parametrize("case", CASES)
def test_a_request_is_answered_with(address: tuple[str, int], case: str) -> None:
    request, status, closed = CASES[case]
    answer = send(address, request)
    assert (answer.status, answer.closed) == (status, closed), answer.body
    assert b"codec" not in answer.body
    assert b"recursion" not in answer.body


@pytest.mark.parametrize(
    "request_bytes", [POST + b"Content-Length: 100\r\n\r\n" + BODY, POST + CHUNKED + b"\r\n" + CHUNKS[:-5]]
)
def test_a_body_that_ends_early_is_malformed(address: tuple[str, int], request_bytes: bytes) -> None:
    answer = send(address, request_bytes, following=b"", half_close=True)
    assert (answer.status, answer.closed) == (400, True)
    assert b'"code":"malformed"' in answer.body
    assert send(address, GET + HOST + b"\r\n").status == 200


def test_a_body_that_never_arrives_is_503_after_the_request_timeout(address: tuple[str, int]) -> None:
    answer = send(address, POST + b"Content-Length: 100\r\n\r\n{", following=b"")
    assert (answer.status, answer.closed) == (503, True)
    assert b"The request took longer than 2 s." in answer.body


def test_each_of_several_pipelined_requests_is_answered_in_order(address: tuple[str, int]) -> None:
    requests = [GET + HOST + b"X-Request-ID: r%d\r\n\r\n" % number for number in range(20)]
    with socket.create_connection(address, timeout=20) as connection, connection.makefile("rb") as stream:
        connection.sendall(b"".join(requests))
        answers = [read_answer(stream) for _ in requests]
    assert [headers[b"x-request-id"] for _, headers, _ in answers] == [b"r%d" % number for number in range(20)]
    assert {status for status, _, _ in answers} == {200}
