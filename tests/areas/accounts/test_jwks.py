"""The public keys of access tokens, at `/.well-known/jwks.json`."""

from collections.abc import Callable

import httpx
import msgspec
import pytest
from joserfc.jwk import KeySet

from tests.factories import assert_problem
from tradepost.app import TradepostApp, create_app
from tradepost.areas.accounts.password_hasher import PasswordHasher
from tradepost.areas.accounts.signing import SigningKeys
from tradepost.areas.accounts.tokens import AccessTokens
from tradepost.settings import Settings

PATH = "/.well-known/jwks.json"


async def test_the_keys_that_verify_access_tokens_are_public(app: TradepostApp, client: httpx.AsyncClient) -> None:
    answer = await client.get(PATH)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/jwk-set+json"
    assert answer.headers["cache-control"] == "public, max-age=300"
    key_set = KeySet.import_key_set(answer.json())
    assert all(not key.is_private for key in key_set.keys)
    assert answer.json() == app.state.dependencies.require(SigningKeys).jwks()
    cached = await client.get(PATH, headers={"If-None-Match": answer.headers["etag"]})
    assert (cached.status_code, cached.content) == (304, b"")
    head = await client.head(PATH)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(answer.content)))


async def test_the_key_set_is_read_only(client: httpx.AsyncClient) -> None:
    assert_problem(await client.post(PATH, json={}), 405, "method_not_allowed")


async def test_a_rotated_key_is_listed_first_and_the_previous_one_second(
    fresh_settings: Callable[[], Settings], tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = str(tmp_path_factory.mktemp("keys") / "keys.json")
    shop = create_app(msgspec.structs.replace(fresh_settings(), signing_keys=file))
    async with (
        shop.lifespan(),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url="http://tradepost.test") as client,
    ):
        signing = shop.state.dependencies.require(SigningKeys)
        (before,) = (await client.get(PATH)).json()["keys"]
        newest, _ = signing.rotate()
        signing._reload_at = 0.0
        assert [key["kid"] for key in (await client.get(PATH)).json()["keys"]] == [newest, before["kid"]]


async def test_the_key_set_is_not_found_with_hs256(fresh_settings: Callable[[], Settings]) -> None:
    shop = create_app(msgspec.structs.replace(fresh_settings(), token_algorithm="HS256"))
    async with (
        shop.lifespan(),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url="http://tradepost.test") as client,
    ):
        assert_problem(await client.get(PATH), 404, "not_found")


async def test_the_app_provides_token_issuer_and_password_hasher_with_its_settings(
    app: TradepostApp, settings: Settings
) -> None:
    text, seconds = app.state.dependencies.require(AccessTokens).issue(user="ann", session="s1")
    assert seconds == settings.access_token_seconds == 900
    assert app.state.dependencies.require(AccessTokens).decode(text).user == "ann"
    assert app.state.dependencies.require(PasswordHasher).min_length == settings.password_min_length == 8
