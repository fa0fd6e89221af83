"""API keys: their form, and whom they let in."""

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
async def draft(staff: httpx.AsyncClient, anyio_backend: str) -> str:
    """The path of a product that only the staff sees."""
    return f"{PATH}/{(await make_product(staff, status='draft'))['id']}"


def test_a_key_has_the_promised_form_and_survives_its_text() -> None:
    key = generate()
    assert re.fullmatch(r"tp_[0-9A-Za-z]+_[0-9A-Za-z]+", key.text)
    assert parse(key.text) == key
    assert generate() != key


def test_every_mistyped_letter_is_noticed_without_the_database() -> None:
    text = generate().text
    for at in range(3, len(text)):
        if text[at] != "_":
            other = ALPHABET[(ALPHABET.index(text[at]) + 1) % 62]
            assert parse(text[:at] + other + text[at + 1 :]) is None, at


def test_two_exchanged_letters_are_noticed() -> None:
    text = generate().text
    for at in range(20, len(text) - 1):
        if text[at] != text[at + 1]:
            assert parse(text[:at] + text[at + 1] + text[at] + text[at + 2 :]) is None


@given(st.text() | st.text(alphabet=ALPHABET + "_").map(lambda rest: f"tp_{rest}"))
def test_no_other_text_is_a_key(text: str) -> None:
    assert parse(text) is None


def test_what_is_stored_is_not_the_secret_and_depends_on_the_shops_own() -> None:
    key = generate()
    assert key.secret not in key.digest(b"one")
    assert key.digest(b"one") != key.digest(b"other")
    assert key.digest(b"one") == key.digest(b"one")


async def test_a_key_is_taken_in_both_headers(client: httpx.AsyncClient, staff_key: str, draft: str) -> None:
    for headers in (
        {"X-API-Key": staff_key}, {"Authorization": f"Bearer {staff_key}"}, {"Authorization": f"bearer  {staff_key} "},
        {"X-API-Key": staff_key, "Authorization": f"Bearer {staff_key}"},
    ):  # fmt: skip
        assert (await client.get(draft, headers=headers)).status_code == 200, headers
    assert (await client.get(draft)).status_code == 404


def bad(key: str) -> list[list[tuple[str, str]]]:
    """Headers that are no good credential."""
    stranger = generate().text
    return [
        [("X-API-Key", "")], [("X-API-Key", "x")], [("X-API-Key", key[:-1])], [("X-API-Key", f"{key}x")], [("X-API-Key", key.swapcase())],
        [("X-API-Key", stranger)], [("X-API-Key", f"Bearer {key}")], [("X-API-Key", "\u00e9")], [("X-API-Key", key), ("X-API-Key", stranger)],
        [("Authorization", "")], [("Authorization", key)], [("Authorization", "Bearer")], [("Authorization", "Bearer x.y.z")],
        [("Authorization", f"Basic {key}")], [("Authorization", f"Token {key}")], [("Authorization", f"Bearer {stranger}")],
        [("X-API-Key", key), ("Authorization", f"Bearer {stranger}")], [("X-API-Key", stranger), ("Authorization", f"Bearer {key}")],
        [("Authorization", f"Bearer {key}"), ("Authorization", "Basic eDp4")],
    ]  # fmt: skip


async def test_a_bad_credential_fails_the_whole_request_on_public_paths_too(
    client: httpx.AsyncClient, staff_key: str
) -> None:
    for headers in bad(staff_key):
        sent = [(name, value.encode("utf-8")) for name, value in headers]
        for method in ("GET", "POST"):
            answer = await client.request(method, PATH, headers=sent)
            assert_problem(answer, 401, "unauthenticated")
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.headers["cache-control"] == "no-store"
            assert staff_key not in answer.text


async def test_head_is_no_way_around_a_credential(client: httpx.AsyncClient, staff_key: str, draft: str) -> None:
    assert (await client.head(draft)).status_code == 404
    assert (await client.head(draft, headers={"X-API-Key": staff_key})).status_code == 200
    assert (await client.head(PATH, headers={"X-API-Key": "x"})).status_code == 401
    assert (await client.head(PATH, headers={"X-API-Key": staff_key})).headers["cache-control"] == "private, no-cache"


async def test_a_wrong_secret_under_a_good_id_lets_nobody_in(client: httpx.AsyncClient, staff_key: str) -> None:
    key = parse(staff_key)
    assert key is not None
    forged = type(key)(key.prefix, generate().secret).text
    assert_problem(await client.get(PATH, headers={"X-API-Key": forged}), 401, "unauthenticated")


async def test_a_revoked_key_lets_nobody_in(app: "TradepostApp", client: httpx.AsyncClient, draft: str) -> None:
    text = await app.state.credentials.create(name="short-lived", role="staff")
    key = parse(text)
    assert key is not None
    async with app.state.database.transaction() as session:
        await session.execute(
            update(ApiKeyRow).where(ApiKeyRow.prefix == key.prefix).values(revoked_at=datetime.now(UTC))
        )
    assert_problem(await client.get(draft, headers={"X-API-Key": text}), 401, "unauthenticated")


async def test_a_key_of_another_shops_secret_lets_nobody_in(app: "TradepostApp", client: httpx.AsyncClient) -> None:
    other = Credentials(app.state.database, "another secret key altogether, long enough")
    text = await other.create(name="elsewhere", role="staff")
    assert_problem(await client.get(PATH, headers={"X-API-Key": text}), 401, "unauthenticated")


@pytest.mark.parametrize("role", ["customer", "moderator"])
async def test_a_role_may_do_what_its_permissions_say(
    app: "TradepostApp", client: httpx.AsyncClient, role: str
) -> None:
    headers = {"X-API-Key": await app.state.credentials.create(name=role, role=role)}
    assert (await client.get(PATH, headers=headers)).status_code == 200
    assert_problem(await client.post(PATH, json={"name": "x"}, headers=headers), 403, "forbidden")


async def test_there_are_no_other_roles(app: "TradepostApp") -> None:
    with pytest.raises(ValueError, match="no role"):
        await app.state.credentials.create(name="x", role="root")
