"""What live events would have to keep, while there are none: no subscription and no socket is a way around the rules."""

from contextlib import suppress
from typing import Any

import pytest

from tests.parity.harness import DualDoorApp


async def test_cve_2023_38503_no_subscription_ignores_the_rules_about_rows(harness: DualDoorApp) -> None:
    """Directus: what was sent to subscribers was not asked of the rules. There are no subscriptions yet: each is refused whole, whoever asks."""
    for visitor in harness.callers.values():
        for text in (
            "subscription { products { nodes { id } } }",
            "subscription S { __typename }",
            "query Q { __typename } subscription S { __typename }",
        ):
            answer = await visitor.client.post(
                "/graphql", json={"query": text, "operationName": "S" if "S" in text else None}
            )
            assert "data" not in answer.json(), text
            assert {e["extensions"]["code"] for e in answer.json()["errors"]} == {"invalid_document"}


@pytest.mark.parametrize("path", ["/graphql", "/v1/events", "/v1/events/ws", "/v1/products"])
async def test_cve_2026_35523_no_socket_is_opened_past_the_handshake(harness: DualDoorApp, path: str) -> None:
    """Strawberry: a socket was served without what the handshake had to show. There are no sockets yet: no handshake is accepted, with any credential."""
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

        scope = {"type": "websocket", "path": path, "raw_path": path.encode(), "query_string": b"", "headers": headers, "subprotocols": [], "scheme": "ws",
                 "client": ("127.0.0.1", 1), "server": ("tradepost.test", 80), "root_path": "", "state": {}, "extensions": {}}  # fmt: skip
        with suppress(Exception):
            await harness.app(scope, receive, send)
        assert "websocket.accept" not in sent
