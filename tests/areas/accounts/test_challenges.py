"""A 401 says what is wrong: no credential, a bad one, or an access token that has expired."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.areas.accounts.account_client import DOORS, Door, DoorClient
from tests.factories import Json
from tests.users import create_user
from tradepost.areas.accounts.tokens import AccessTokens
from tradepost.kit.clock import now

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

both_doors = pytest.mark.parametrize("door", DOORS)
EXPIRED = "The access token has expired."
BEARER = 'Bearer realm="tradepost"'
GRAPHQL = "application/graphql-response+json"


async def expired_token(app: "TradepostApp") -> str:
    """Return a token of this shop that expired a second ago, of a session that goes on."""
    user, tokens = await create_user(app), app.state.dependencies.require(AccessTokens)
    past = AccessTokens(
        tokens.keys,
        issuer=tokens.issuer,
        audience=tokens.audience,
        clock=lambda: now() - timedelta(seconds=tokens.lifetime + 1),
    )
    return past.issue(user=user.id, session=user.session)[0]


async def ask(
    app: "TradepostApp", door: Door, *, private: bool = True, accept: str = "*/*", **headers: str
) -> httpx.Response:
    """Read the caller's account or the public catalog."""
    headers = {"Accept": accept} | {name.replace("_", "-"): value for name, value in headers.items()}
    async with DoorClient(app, headers).client() as client:
        if door == "rest":
            return await client.get("/v1/users/me" if private else "/v1/products")
        return await client.post(
            "/graphql", json={"query": "{ me { id } }" if private else "{ products { nodes { id } } }"}
        )


def problem_of(answer: httpx.Response, door: Door) -> Json:
    """Return the problem of a response, as its door shows it."""
    body: Any = answer.json()
    if door == "rest":
        assert answer.headers["content-type"] == "application/problem+json"
        return body
    [error] = body["errors"]
    assert error["message"] == error["extensions"]["detail"]
    return error["extensions"]


@both_doors
@pytest.mark.parametrize("private", [True, False])
async def test_an_expired_token_has_a_code_of_its_own(app: "TradepostApp", door: Door, private: bool) -> None:
    token = await expired_token(app)
    answer = await ask(app, door, private=private, authorization=f"Bearer {token}")
    problem = problem_of(answer, door)
    assert (answer.status_code, problem["status"], problem["code"], problem["detail"]) == (
        401,
        401,
        "token_expired",
        EXPIRED,
    )
    assert problem["type"] == "/problems/token_expired"
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["www-authenticate"] == f'{BEARER}, error="invalid_token", error_description="{EXPIRED}"'
    assert answer.headers["cache-control"] == "no-store"


@both_doors
async def test_an_expired_token_with_a_bad_signature_is_only_a_bad_token(app: "TradepostApp", door: Door) -> None:
    head, payload, signature = (await expired_token(app)).split(".")
    answer = await ask(app, door, authorization=f"Bearer {head}.{payload}.{signature[::-1]}")
    assert problem_of(answer, door)["code"] == "unauthenticated"


@both_doors
@pytest.mark.parametrize(
    ("headers", "detail"),
    [
        ({"authorization": "Bearer x.y.z"}, "The access token is malformed, or was not issued by this server."),
        ({"x_api_key": "tp_wrong"}, "The credential is malformed, unknown, expired or revoked."),
        (
            {"authorization": "Basic eDp5"},
            "`Authorization` must be `Bearer` followed by an access token or an API key (`tp_...`).",
        ),
        (
            {"authorization": "Bearer tp_one", "x_api_key": "tp_other"},
            "`Authorization` and `X-API-Key` have different credentials. Send only one.",
        ),
    ],
)
async def test_a_bad_credential_is_named_in_the_body_and_in_the_challenge(
    app: "TradepostApp", door: Door, headers: dict[str, str], detail: str
) -> None:
    answer = await ask(app, door, private=False, **headers)
    problem = problem_of(answer, door)
    assert (answer.status_code, problem["code"], problem["detail"]) == (401, "unauthenticated", detail)
    assert answer.headers["www-authenticate"] == f'{BEARER}, error="invalid_token", error_description="{detail}"'


@both_doors
async def test_without_a_credential_the_headers_that_carry_one_are_named(app: "TradepostApp", door: Door) -> None:
    answer = await ask(app, door)
    problem = problem_of(answer, door)
    assert (problem["status"], problem["code"]) == (401, "unauthenticated")
    assert problem["detail"] == (
        "The permission `account:read` is required. "
        "Send a credential in `Authorization` (as `Bearer`) or in `X-API-Key`."
    )
    # Nothing was wrong with a credential, so the challenge names no error (RFC 6750, 3.1).
    assert answer.headers["www-authenticate"] == BEARER


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [("*/*", "application/json"), (GRAPHQL, GRAPHQL), ("text/html", "application/json")],
)
async def test_graphql_answers_a_bad_credential_in_the_media_type_of_its_other_answers(
    app: "TradepostApp", accept: str, media_type: str
) -> None:
    answer = await ask(app, "graphql", accept=accept, x_api_key="tp_wrong")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == f"{media_type}; charset=utf-8"


async def test_one_field_that_needs_a_credential_is_enough_for_a_challenge(app: "TradepostApp") -> None:
    async with DoorClient(app).client() as client:
        text = "{ me { id } products { nodes { id } } rateLimit { limit } }"
        answer = await client.post("/graphql", json={"query": text})
        public = await client.post("/graphql", json={"query": "{ products { nodes { id } } }"})
    assert answer.status_code == 200
    assert answer.json()["data"]["products"] is not None
    assert answer.headers["www-authenticate"] == BEARER
    assert "www-authenticate" not in public.headers
