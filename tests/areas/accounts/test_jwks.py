"""The public keys of access tokens, as other services fetch them."""

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


async def test_everybody_may_read_the_keys_that_verify_our_tokens(app: TradepostApp, client: httpx.AsyncClient) -> None:
    answer = await client.get(PATH)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/jwk-set+json"
    assert answer.headers["cache-control"] == "public, max-age=300"
    found = KeySet.import_key_set(answer.json())
    assert all(not key.is_private for key in found.keys)
    assert answer.json() == app.state.means.of(SigningKeys).jwks()
    again = await client.get(PATH, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = await client.head(PATH)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(answer.content)))


async def test_only_reading_is_allowed(client: httpx.AsyncClient) -> None:
    assert_problem(await client.post(PATH, json={}), 405, "method_not_allowed")


async def test_a_rotation_shows_at_once_or_soon(
    fresh_settings: Callable[[], Settings], tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = str(tmp_path_factory.mktemp("keys") / "keys.json")
    shop = create_app(msgspec.structs.replace(fresh_settings(), signing_keys=file))
    async with (
        shop.lifespan(),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url="http://tradepost.test") as visitor,
    ):
        signing = shop.state.means.of(SigningKeys)
        (before,) = (await visitor.get(PATH)).json()["keys"]
        newest, _ = signing.rotate()
        signing._look_at = 0.0
        assert [key["kid"] for key in (await visitor.get(PATH)).json()["keys"]] == [newest, before["kid"]]


async def test_with_hs256_there_are_none(fresh_settings: Callable[[], Settings]) -> None:
    shop = create_app(msgspec.structs.replace(fresh_settings(), token_algorithm="HS256"))
    async with (
        shop.lifespan(),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url="http://tradepost.test") as visitor,
    ):
        assert_problem(await visitor.get(PATH), 404, "not_found")


async def test_the_shop_provides_what_accounts_need(app: TradepostApp, settings: Settings) -> None:
    text, seconds = app.state.means.of(AccessTokens).issue(user="ann", session="s1")
    assert seconds == settings.access_token_seconds == 900
    assert app.state.means.of(AccessTokens).read(text).user == "ann"
    assert app.state.means.of(PasswordHasher).least == settings.password_min_length == 8
