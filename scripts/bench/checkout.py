"""The stage "checkout": a cart with three lines, its quote, and the order placed from it."""

import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any
from urllib.parse import urlencode

from .contestants import SETTINGS, TRADEPOST
from .database import Cluster
from .measure import Entrant, Turn, Turns, compare
from .processes import Server, request, send
from .round_trips import CountingProxy, counting_proxy

ADDRESS = {"name": "Ada Berg", "lines": ["Hauptstr. 1"], "city": "Berlin", "postcode": "10115", "country": "DE"}
CART, QUOTE = "cart with three lines", "quote"
PLACE_DISTINCT, PLACE_HOT = "order placed, distinct variants", "order placed, the same variants"
SHOP = replace(TRADEPOST, settings=SETTINGS | {"OPEN_ORDERS": "0", "OPEN_ORDERS_PER_CLIENT": "0"})
VARIANTS, HOT, STOCK = 600, 3, 1_000_000

type Json = dict[str, Any]


@dataclass
class Checkout:
    """Guests of one server. `variants` have plenty of stock; the first three are the hot ones."""

    server: Server
    key: str
    variants: list[str] = field(default_factory=list)
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def prepare(self) -> None:
        """Read variants, as guests see them, and give them stock."""
        page = self.call("GET", "/v1/variants?" + urlencode({"limit": "100", "fields": "id,track_inventory"}))
        while len(self.variants) < VARIANTS:
            self.variants += [row["id"] for row in page["data"] if row["track_inventory"]]
            if not page["has_more"]:
                break
            page = self.call("GET", page["links"]["next"])
        for start in range(0, len(self.variants), 100):
            counts = [{"variant_id": id, "on_hand": STOCK} for id in self.variants[start : start + 100]]
            self.call("POST", "/v1/stock/counts", {"counts": counts}, X_API_Key=self.key)
        self.method = self.read("/v1/shipping-methods?code=standard")["data"][0]["id"]

    def read(self, path: str) -> Json:
        return self.call("GET", path, X_API_Key=self.key)

    def call(self, method: str, path: str, body: Json | None = None, **headers: str) -> Json:
        status, _, content = send(self.server.port, _message(method, path, body, Connection="close", **headers))
        if status >= 300:
            raise RuntimeError(f"{method} {path}: {status} {content[:500]!r}")
        return json.loads(content)

    def cart(self, is_hot: bool) -> Json:
        """The body of a new cart: three variants, always the same ones if it is hot."""
        number = next(self.numbers)
        variants = self.variants[:HOT] if is_hot else self.variants[HOT:]
        chosen = [variants[(3 * number + i) % len(variants)] for i in range(3)]
        return {
            "email": f"guest-{number}@example.com",
            "shipping_address": ADDRESS,
            "shipping_method_id": self.method,
            "lines": [{"variant_id": id, "quantity": 1} for id in chosen],
        }

    def carts(self, count: int) -> Sequence[bytes]:
        return [_message("POST", "/v1/carts", self.cart(False)) for _ in range(count)]

    def quotes(self, count: int) -> Sequence[bytes]:
        carts = [self.call("POST", "/v1/carts", self.cart(False)) for _ in range(min(count, 32))]
        return [_message("GET", f"/v1/carts/{cart['id']}/quote", X_Cart_Token=cart["token"]) for cart in carts]

    def orders(self, count: int, is_hot: bool) -> Sequence[bytes]:
        """Create carts, and return the requests that place their orders."""
        messages: list[bytes] = []
        for _ in range(count):
            cart = self.call("POST", "/v1/carts", self.cart(is_hot))
            quote = self.call("GET", f"/v1/carts/{cart['id']}/quote", X_Cart_Token=cart["token"])
            body = {"cart_id": cart["id"], "expected_total": quote["grand_total"]}
            headers = {"X_Cart_Token": cart["token"], "Idempotency_Key": f"bench-{cart['id']}"}
            messages.append(_message("POST", "/v1/orders", body, **headers))
        return messages

    def entrants(self) -> list[Entrant]:
        return [
            Entrant(CART, self.server, self.carts, 201),
            Entrant(QUOTE, self.server, self.quotes),
            Entrant(PLACE_DISTINCT, self.server, lambda count: self.orders(count, False), 201),
            Entrant(PLACE_HOT, self.server, lambda count: self.orders(count, True), 201),
        ]


def measure(cluster: Cluster, key: str, rounds: int, seconds: float, minimum: int) -> str:
    """Measure checkouts in a copy of the shop, and return the section of the report."""
    cluster.execute("CREATE DATABASE checkout TEMPLATE shop")
    with _prepared_checkout(cluster, cluster.url("checkout"), key) as checkout:
        results = compare(checkout.entrants(), cluster.process, range(rounds), seconds, minimum)
    return _section(results, _counts(cluster, key))


def _counts(cluster: Cluster, key: str) -> dict[str, tuple[int, int]]:
    """Return the statements and round trips of one request of each kind, when it is warm."""
    with counting_proxy(cluster.socket, cluster.folder / "proxy") as proxy:
        url = f"postgresql://postgres@/checkout?host={cluster.folder / 'proxy'}"
        with _prepared_checkout(cluster, url, key) as checkout:
            return {entrant.title: _count(proxy, entrant) for entrant in checkout.entrants()}


@contextmanager
def _prepared_checkout(cluster: Cluster, url: str, key: str) -> Iterator[Checkout]:
    """Run a server on a database, with stock for checkouts."""
    server = SHOP.start(url, cluster.folder)
    try:
        checkout = Checkout(server, key)
        checkout.prepare()
        yield checkout
    finally:
        server.stop()


def _count(proxy: CountingProxy, entrant: Entrant) -> tuple[int, int]:
    """Return the fewest statements and round trips of some requests: without background work."""
    counts: list[tuple[int, int]] = []
    for message in entrant.requests(8):
        before = proxy.counts
        status, _, content = send(entrant.server.port, message)
        if status != entrant.status:
            raise RuntimeError(f"{entrant.title}: {status} {content[:500]!r}")
        counts.append((proxy.counts[0] - before[0], proxy.counts[1] - before[1]))
    return min(counts)


def _section(results: dict[str, Turns], counts: dict[str, tuple[int, int]]) -> str:
    heads = ["", "CPU, us", "database, us", "requests/s", "p50 / p99, ms", "SQL statements", "round trips"]
    rows = [heads, ["---"] * len(heads)]
    for title, turns in results.items():
        turn = Turn(*map(median, zip(*turns, strict=True)))
        numbers = [f"{number:,.0f}" for number in (turn.cpu, turn.database, turn.rate)]
        failed = f" ({turn.failed:g} failed)" if turn.failed else ""
        latency = f"{turn.p50:.1f} / {turn.p99:.1f}"
        rows.append([title + failed, *numbers, latency, *map(str, counts[title])])
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"## Checkout: PostgreSQL, one worker, 32 connections\n\n{table}"


def _message(method: str, path: str, body: Json | None = None, **headers: str) -> bytes:
    return request(method, path, json.dumps(body).encode() if body is not None else b"", **headers)
