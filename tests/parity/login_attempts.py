"""Attempts to log in at both doors of the throttled app."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.app_client import AppClient
from tests.login_throttle_app import ThrottleApp

ENTER = "mutation($email: String!, $password: String!) { enter(input: {email: $email, password: $password}) { token } }"
ADDRESS = "203.0.113.9"

type Outcome = tuple[int, dict[str, Any]]
"""A status and a problem."""


@asynccontextmanager
async def client_at(throttle: ThrottleApp, address: str = ADDRESS, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client at an address."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    async with AppClient(throttle.pipeline, headers=names, address=(address, 4711)) as client:
        yield client


async def by_rest(client: httpx.AsyncClient, email: str, word: str = "wrong", **headers: str) -> httpx.Response:
    """Attempt to log in by REST."""
    return await client.post("/v1/throttled-login/enter", json={"email": email, "password": word}, headers=headers)


async def by_graphql(client: httpx.AsyncClient, email: str, word: str = "wrong", **headers: str) -> httpx.Response:
    """Attempt to log in by GraphQL."""
    return await client.post(
        "/graphql", json={"query": ENTER, "variables": {"email": email, "password": word}}, headers=headers
    )


def outcome(answer: httpx.Response) -> Outcome:
    """Return the status and the problem of an answer of either door."""
    body = answer.json()
    if "errors" in body and "code" not in body:
        problem = body["errors"][0]["extensions"]
        return problem["status"], problem
    return answer.status_code, body


def attempt(alias: str, email: str = "a@shop.example", word: str = "right") -> str:
    """Return the field of one attempt, under an alias."""
    return f'{alias}: enter(input: {{email: "{email}", password: "{word}"}}) {{ token }}'


def aliased(times: int, email: str = "a@shop.example", word: str = "right") -> str:
    """Return a document that tries one account several times."""
    return f"mutation {{ {' '.join([attempt(f'a{n}', email, word) for n in range(times)])} }}"


async def post(client: httpx.AsyncClient, text: str, **more: Any) -> httpx.Response:
    """Send a document."""
    return await client.post("/graphql", json={"query": text} | more)
