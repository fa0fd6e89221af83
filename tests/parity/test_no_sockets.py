"""There are no live events yet: every subscription and every socket is refused."""

from contextlib import suppress
from typing import Any

import pytest

from tests.parity.harness import DualDoorApp


async def test_cve_2023_38503_a_subscription_is_refused(harness: DualDoorApp) -> None:
    """Directus: subscribers received rows that the access rules hide."""
    for caller in harness.callers.values():
        for text in (
            "subscription { products { nodes { id } } }",
            "subscription S { __typename }",
            "query Q { __typename } subscription S { __typename }",
        ):
            answer = await caller.client.post(
                "/graphql", json={"query": text, "operationName": "S" if "S" in text else None}
            )
            assert "data" not in answer.json(), text
            assert {e["extensions"]["code"] for e in answer.json()["errors"]} == {"invalid_document"}


@pytest.mark.parametrize("path", ["/graphql", "/v1/events", "/v1/events/ws", "/v1/products"])
async def test_cve_2026_35523_a_socket_is_not_accepted(harness: DualDoorApp, path: str) -> None:
    """Strawberry: sockets were served without the authentication that the handshake requires."""
    for headers in (
        [],
        [(b"sec-websocket-protocol", b"graphql-transport-ws")],
        [(b"x-api-key", harness.staff.client.headers["x-api-key"].encode())],
    ):
        sent: list[str] = []

        async def receive() -> dict[str, str]:
            return {"type": "websocket.connect"}

        async def send(message: Any, sent: list[str] = sent) -> None:
            sent.append(message["type"])

        scope = {
            "type": "websocket",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": headers,
            "subprotocols": [],
            "scheme": "ws",
            "client": ("127.0.0.1", 1),
            "server": ("tradepost.test", 80),
            "root_path": "",
            "state": {},
            "extensions": {},
        }
        with suppress(Exception):
            await harness.app(scope, receive, send)
        assert "websocket.accept" not in sent
