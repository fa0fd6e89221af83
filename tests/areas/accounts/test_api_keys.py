"""API keys: their format, and which are accepted."""

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from tests.factories import assert_problem, make_product
from tradepost.areas.accounts.api_key_format import ALPHABET, generate, parse
from tradepost.areas.accounts.models import ApiKeyRow
from tradepost.areas.accounts.service import Credentials

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

PATH = "/v1/products"


@pytest.fixture(scope="module")
async def draft(staff: httpx.AsyncClient, anyio_backend: object) -> str:
    """The path of a product that is visible only to staff."""
    return f"{PATH}/{(await make_product(staff, status='draft'))['id']}"


def test_a_key_has_the_documented_format_and_round_trips() -> None:
    key = generate()
    assert re.fullmatch(r"tp_[0-9A-Za-z]+_[0-9A-Za-z]+", key.text)
    assert parse(key.text) == key
    assert generate() != key


def test_a_key_with_one_changed_character_does_not_parse() -> None:
    text = generate().text
    for index in range(3, len(text)):
        if text[index] != "_":
            other = ALPHABET[(ALPHABET.index(text[index]) + 1) % 62]
            assert parse(text[:index] + other + text[index + 1 :]) is None, index


def test_a_key_with_two_swapped_characters_does_not_parse() -> None:
    text = generate().text
    for index in range(20, len(text) - 1):
        if text[index] != text[index + 1]:
            assert parse(text[:index] + text[index + 1] + text[index] + text[index + 2 :]) is None


@given(st.text() | st.text(alphabet=ALPHABET + "_").map(lambda rest: f"tp_{rest}"))
def test_no_other_text_parses_as_a_key(text: str) -> None:
    assert parse(text) is None


def test_the_stored_digest_hides_the_secret_and_depends_on_the_secret_key() -> None:
    key = generate()
    assert key.secret not in key.digest(b"one")
    assert key.digest(b"one") != key.digest(b"other")
    assert key.digest(b"one") == key.digest(b"one")


async def test_a_key_is_accepted_in_both_headers(client: httpx.AsyncClient, staff_key: str, draft: str) -> None:
    for headers in (
        {"X-API-Key": staff_key},
        {"Authorization": f"Bearer {staff_key}"},
        {"Authorization": f"bearer  {staff_key} "},
        {"X-API-Key": staff_key, "Authorization": f"Bearer {staff_key}"},
    ):
        assert (await client.get(draft, headers=headers)).status_code == 200, headers
    assert (await client.get(draft)).status_code == 404


def invalid_headers(key: str) -> list[list[tuple[str, str]]]:
    """Return headers without a valid credential."""
    unknown = generate().text
    return [
        [("X-API-Key", "")],
        [("X-API-Key", "x")],
        [("X-API-Key", key[:-1])],
        [("X-API-Key", f"{key}x")],
        [("X-API-Key", key.swapcase())],
        [("X-API-Key", unknown)],
        [("X-API-Key", f"Bearer {key}")],
        [("X-API-Key", "\u00e9")],
        [("X-API-Key", key), ("X-API-Key", unknown)],
        [("Authorization", "")],
        [("Authorization", key)],
        [("Authorization", "Bearer")],
        [("Authorization", "Bearer x.y.z")],
        [("Authorization", f"Basic {key}")],
        [("Authorization", f"Token {key}")],
        [("Authorization", f"Bearer {unknown}")],
        [("X-API-Key", key), ("Authorization", f"Bearer {unknown}")],
        [("X-API-Key", unknown), ("Authorization", f"Bearer {key}")],
        [("Authorization", f"Bearer {key}"), ("Authorization", "Basic eDp4")],
    ]


async def test_a_bad_credential_is_refused_even_on_public_paths(client: httpx.AsyncClient, staff_key: str) -> None:
    for headers in invalid_headers(staff_key):
        sent = [(name.encode(), value.encode()) for name, value in headers]
        for method in ("GET", "POST"):
            answer = await client.request(method, PATH, headers=httpx.Headers(sent))
            assert_problem(answer, 401, "unauthenticated")
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.headers["cache-control"] == "no-store"
            assert staff_key not in answer.text


async def test_head_requests_are_authenticated_like_get_requests(
    client: httpx.AsyncClient, staff_key: str, draft: str
) -> None:
    assert (await client.head(draft)).status_code == 404
    assert (await client.head(draft, headers={"X-API-Key": staff_key})).status_code == 200
    assert (await client.head(PATH, headers={"X-API-Key": "x"})).status_code == 401
    assert (await client.head(PATH, headers={"X-API-Key": staff_key})).headers["cache-control"] == "private, no-cache"


async def test_a_wrong_secret_with_a_valid_prefix_is_refused(client: httpx.AsyncClient, staff_key: str) -> None:
    key = parse(staff_key)
    assert key is not None
    forged = type(key)(key.prefix, generate().secret).text
    assert_problem(await client.get(PATH, headers={"X-API-Key": forged}), 401, "unauthenticated")


async def test_a_revoked_key_is_refused(app: "TradepostApp", client: httpx.AsyncClient, draft: str) -> None:
    text = await app.state.credentials.create(name="short-lived", role="staff")
    key = parse(text)
    assert key is not None
    async with app.state.database.transaction() as session:
        await session.execute(
            update(ApiKeyRow).where(ApiKeyRow.prefix == key.prefix).values(revoked_at=datetime.now(UTC))
        )
    assert_problem(await client.get(draft, headers={"X-API-Key": text}), 401, "unauthenticated")


async def test_a_key_made_with_another_secret_key_is_refused(app: "TradepostApp", client: httpx.AsyncClient) -> None:
    other = Credentials(app.state.database, "another secret key altogether, long enough")
    text = await other.create(name="elsewhere", role="staff")
    assert_problem(await client.get(PATH, headers={"X-API-Key": text}), 401, "unauthenticated")


@pytest.mark.parametrize("role", ["customer", "moderator"])
async def test_a_role_without_catalog_write_can_read_but_not_create_products(
    app: "TradepostApp", client: httpx.AsyncClient, role: str
) -> None:
    headers = {"X-API-Key": await app.state.credentials.create(name=role, role=role)}
    assert (await client.get(PATH, headers=headers)).status_code == 200
    assert_problem(await client.post(PATH, json={"name": "x"}, headers=headers), 403, "forbidden")


async def test_an_unknown_role_is_refused(app: "TradepostApp") -> None:
    with pytest.raises(ValueError, match="not a role"):
        await app.state.credentials.create(name="x", role="root")
