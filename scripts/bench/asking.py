"""One request and its answer, for probes and for the check that all answer the same."""

import http.client
import io
import socket


def ask(port: int, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """The status, the headers (their names in lower case) and the body of the answer to these bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """An HTTP/1.1 request as bytes; an underscore in the name of a header is a hyphen."""
    out = io.BytesIO()
    out.write(f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n".encode())
    for name, value in headers.items():
        out.write(f"{name.replace('_', '-')}: {value}\r\n".encode())
    if body:
        out.write(b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body))
    out.write(b"\r\n" + body)
    return out.getvalue()
