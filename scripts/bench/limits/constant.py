"""The floor: Granian with constant bytes. It answers what the other limit answered, from files: no router, no database, no encoder."""

import os
from pathlib import Path

BODIES = {"/": b""} | {f"/{file.stem}": file.read_bytes() for file in Path(os.environ["BODIES"]).glob("*.json")}
ANSWERS = {
    path: (
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))],
        },
        {"type": "http.response.body", "body": body},
    )
    for path, body in BODIES.items()
}


async def app(scope, receive, send):
    """Two messages that were made before the first request."""
    if scope["type"] != "http":
        return
    start, body = ANSWERS[scope["path"]]
    await send(start)
    await send(body)
