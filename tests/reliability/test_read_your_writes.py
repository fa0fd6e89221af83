"""A member of the staff reads what they wrote, whichever process and API answers.

The server runs with several worker processes, each with a read cache of its own. Each pair is a
write through one process and a read through another, in which an older version may be cached.
"""

import json
import random
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import psutil
import pytest

from tests.factories import unique
from tests.figures import IS_TORTURE
from tests.reliability.shop_server import ShopServer

PAIRS = 10_000 if IS_TORTURE else 200
"""Pairs of a write and a read."""

type Json = dict[str, Any]


class WorkerClient:
    """A keep-alive connection, which one worker process serves."""

    def __init__(self, port: int, key: str) -> None:
        self.connection = HTTPConnection("127.0.0.1", port, timeout=30)
        self.headers = {"Content-Type": "application/json", "X-API-Key": key}

    @property
    def local_port(self) -> int:
        """The port of this end of the connection."""
        return self.connection.sock.getsockname()[1]

    def send(self, method: str, path: str, body: Json | None = None, *, anonymous: bool = False) -> Json:
        """Send a request and return the body of its response, which must be a success."""
        headers = {"Content-Type": "application/json"} if anonymous else self.headers
        self.connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        response = self.connection.getresponse()
        content = json.loads(response.read())
        assert response.status < 300, content
        assert "errors" not in content, content
        return content

    def rename(self, door: str, id: str, name: str) -> None:
        """Change the name of a product at a door."""
        if door == "rest":
            self.send("PATCH", f"/v1/products/{id}", {"name": name})
        else:
            text = "mutation($id: ID!, $name: String!) { productUpdate(id: $id, patch: {name: $name}) { id } }"
            self.send("POST", "/graphql", {"query": text, "variables": {"id": id, "name": name}})

    def name(self, read: str, id: str, slug: str, *, anonymous: bool = False) -> str:
        """Return the name of a product, by one of READS."""
        if read.startswith("rest"):
            key = id if read == "rest by id" else slug
            return self.send("GET", f"/v1/products/{key}?fields=name", anonymous=anonymous)["name"]
        field = f'product(slug: "{slug}")' if read == "graphql product" else f'node(id: "{id}")'
        text = f"{{ {field} {{ ... on Product {{ name }} }} }}"
        [value] = self.send("POST", "/graphql", {"query": text}, anonymous=anonymous)["data"].values()
        return value["name"]


READS = ("rest by id", "rest by slug", "graphql product", "graphql node")


@pytest.fixture(scope="module")
def clients(server: ShopServer) -> Iterator[list[WorkerClient]]:
    """One connection to each worker process: four with PostgreSQL and Redis, two with SQLite."""
    clients = connect_to_each_worker(server)
    yield clients
    for client in clients:
        client.connection.close()


def connect_to_each_worker(server: ShopServer) -> list[WorkerClient]:
    """Open connections until each worker process serves one of them."""
    clients: dict[int, WorkerClient] = {}
    deadline = time.monotonic() + 120
    while len(clients) < server.number:
        assert time.monotonic() < deadline, "not all workers accept connections"
        client = WorkerClient(server.port, server.key)
        try:
            client.send("GET", "/health/live")
            worker = serving_process(server.pid, client.local_port)
        except OSError:
            client.connection.close()
            time.sleep(0.1)
            continue
        if clients.setdefault(worker, client) is not client:
            client.connection.close()
    return list(clients.values())


def serving_process(pid: int, client_port: int) -> int:
    """Return the id of the worker process at the other end of a connection."""
    return next(
        worker.pid
        for worker in psutil.Process(pid).children(recursive=True)
        for connection in worker.net_connections("tcp")
        if connection.raddr and connection.raddr.port == client_port
    )


@pytest.mark.timeout(1800)  # the whole size takes long on a busy machine
def test_no_process_answers_the_writer_with_an_older_version(clients: list[WorkerClient]) -> None:
    chance, stale = random.Random(27), list[str]()
    slug = unique("written")
    id = clients[0].send("POST", "/v1/products", {"name": "0", "slug": slug, "status": "active"})["id"]
    for number in range(PAIRS):
        writer, reader = chance.sample(clients, 2)
        door, read = chance.choice(("rest", "graphql")), chance.choice(READS)
        reader.name(read, id, slug)  # so that a cache of the reading process would hold this version
        writer.rename(door, id, name := f"Name {number}")
        if (seen := reader.name(read, id, slug)) != name:
            stale.append(f"after `{door}` wrote {name}, `{read}` returned {seen}")
    assert not stale, f"{len(stale)} of {PAIRS} reads were stale: {stale[:3]}"


def test_a_write_is_visible_to_visitors_of_other_processes_within_a_second(clients: list[WorkerClient]) -> None:
    slug = unique("written")
    id = clients[0].send("POST", "/v1/products", {"name": "0", "slug": slug, "status": "active"})["id"]
    for number, writer in enumerate(clients, 1):
        for read in READS:
            for client in clients:
                client.name(read, id, slug, anonymous=True)
        name = f"Name {number}"
        writer.rename("rest", id, name)
        start = time.monotonic()
        for client in clients:
            for read in READS:
                while (seen := client.name(read, id, slug, anonymous=True)) != name:
                    assert time.monotonic() - start < 1.0, (read, seen)
