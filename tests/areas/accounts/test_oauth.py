"""The token endpoint of OAuth2 (RFC 6749), as clients call it."""

import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from tests.conftest import HERE
from tests.factories import assert_problem, unique
from tradepost.areas.accounts.models import ApiKeyRow, SessionRow, UserRow
from tradepost.areas.accounts.policy import PERMISSIONS, ROLES, SCOPES
from tradepost.areas.accounts.service import Credentials
from tradepost.areas.accounts.service.credentials import SYSTEM
from tradepost.areas.accounts.tokens import AccessTokens
from tradepost.doors.rest.token_endpoint import basic_credentials
from tradepost.kit.auth.oauth_errors import InvalidClient
from tradepost.kit.writes.audit import AuditEntry

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

PASSWORD = "seven grey herons asleep"
TOKEN = "/v1/auth/token"
FORM = "application/x-www-form-urlencoded"

type Json = dict[str, Any]


@pytest.fixture(scope="module")
async def member(client: httpx.AsyncClient, app: "TradepostApp") -> Json:
    """A member of the staff with a password, and an API key of hers."""
    email = f"{unique('kim')}@shop.example"
    assert (await client.post("/v1/auth/register", json={"email": email, "password": PASSWORD})).status_code == 202
    async with app.state.database.transaction() as session:
        await session.execute(update(UserRow).where(UserRow.email == email).values(role="staff"))
        id = str(await session.scalar(select(UserRow.id).where(UserRow.email == email)))
    access = (await ask(client, "password", username=email, password=PASSWORD)).json()["access_token"]
    key = (await client.post("/v1/api-keys", json={"name": "till"}, headers=bearer(access))).json()
    return {"email": email, "id": id, "key": key}


@pytest.fixture
async def visitor(app: "TradepostApp") -> AsyncIterator[httpx.AsyncClient]:
    """Somebody with no cookie and no credential."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=HERE) as visitor:
        yield visitor


async def ask(
    client: httpx.AsyncClient, grant: str, at: str = TOKEN, headers: dict[str, str] | None = None, **more: str
) -> httpx.Response:
    """Asks for a token."""
    return await client.post(at, data={"grant_type": grant, **more}, headers=headers)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def by_basic(id: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{id}:{secret}".encode()).decode()}


def granted(answer: httpx.Response, *, refresh: bool = True) -> Json:
    """The token in an answer that is as RFC 6749, 5.1 says."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    assert "set-cookie" not in answer.headers
    said: Json = answer.json()
    assert set(said) == {"access_token", "token_type", "expires_in", "scope", *(["refresh_token"] if refresh else [])}
    assert said["token_type"] == "Bearer"
    assert 0 < said["expires_in"] <= 900
    return said


def refused(answer: httpx.Response, error: str, *, status: int = 400, said: str = "") -> None:
    """An error as RFC 6749, 5.2 has it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert (body["error"], body["error_uri"]) == (error, f"/problems/{error}")
    assert said in body["error_description"]
    assert all(" " <= c <= "~" and c not in '"\\' for c in body["error_description"])


async def me(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.get("/v1/users/me", headers=bearer(token))


@pytest.mark.parametrize("at", ["/v1/auth/token", "/v2/auth/token", "/auth/token"])
async def test_a_password_gives_a_session_below_every_prefix(client: httpx.AsyncClient, member: Json, at: str) -> None:
    said = granted(await ask(client, "password", at, username=member["email"].upper(), password=PASSWORD))
    assert set(said["scope"].split()) == ROLES["staff"]
    assert (await me(client, said["access_token"])).json()["id"] == member["id"]


async def test_a_wrong_password_and_an_unknown_address_are_answered_alike(
    client: httpx.AsyncClient, member: Json
) -> None:
    wrong = await ask(client, "password", username=member["email"], password="not this one")
    unknown = await ask(client, "password", username=f"{unique()}@shop.example", password=PASSWORD)
    refused(wrong, "invalid_grant")
    assert wrong.content == unknown.content


async def test_a_refresh_token_is_good_once_and_a_second_use_ends_the_session(
    client: httpx.AsyncClient, member: Json
) -> None:
    first = granted(await ask(client, "password", username=member["email"], password=PASSWORD))
    second = granted(await ask(client, "refresh_token", refresh_token=first["refresh_token"]))
    assert (await me(client, second["access_token"])).status_code == 200
    refused(await ask(client, "refresh_token", refresh_token=first["refresh_token"]), "invalid_grant")
    refused(await ask(client, "refresh_token", refresh_token=second["refresh_token"]), "invalid_grant")
    assert (await me(client, second["access_token"])).status_code == 401


async def test_the_refresh_tokens_of_both_endpoints_are_the_same(client: httpx.AsyncClient, member: Json) -> None:
    login = (await client.post("/v1/auth/login", json={"email": member["email"], "password": PASSWORD})).json()
    said = granted(await ask(client, "refresh_token", refresh_token=login["refresh_token"]))
    assert (await client.post("/v1/auth/refresh", json={"refresh_token": said["refresh_token"]})).status_code == 200


async def test_a_scope_narrows_the_session_for_good(client: httpx.AsyncClient, member: Json) -> None:
    said = granted(
        await ask(client, "password", username=member["email"], password=PASSWORD, scope="account:read account:read")
    )
    assert said["scope"] == "account:read"
    for _ in range(2):
        assert (await me(client, said["access_token"])).status_code == 200
        assert_problem(
            await client.patch("/v1/users/me", json={}, headers=bearer(said["access_token"])), 403, "forbidden"
        )
        said = granted(await ask(client, "refresh_token", refresh_token=said["refresh_token"]))
    refused(
        await ask(client, "refresh_token", refresh_token=said["refresh_token"], scope="account:write"),
        "invalid_scope",
        said="account:read",
    )
    # The refusal has not used the token up; and what login's own endpoint makes of it is as narrow.
    pair = (await client.post("/v1/auth/refresh", json={"refresh_token": said["refresh_token"]})).json()
    assert_problem(await client.patch("/v1/users/me", json={}, headers=bearer(pair["access_token"])), 403, "forbidden")


async def test_a_scope_at_a_refresh_narrows_that_access_token_alone(client: httpx.AsyncClient, member: Json) -> None:
    first = granted(await ask(client, "password", username=member["email"], password=PASSWORD))
    second = granted(await ask(client, "refresh_token", refresh_token=first["refresh_token"], scope="account:read"))
    assert second["scope"] == "account:read"
    third = granted(await ask(client, "refresh_token", refresh_token=second["refresh_token"]))
    assert set(third["scope"].split()) == ROLES["staff"]


async def test_a_narrowed_session_makes_no_key_that_may_more(client: httpx.AsyncClient, member: Json) -> None:
    said = granted(
        await ask(client, "password", username=member["email"], password=PASSWORD, scope="account:read account:write")
    )
    key = (await client.post("/v1/api-keys", json={"name": "narrow"}, headers=bearer(said["access_token"]))).json()
    assert key["scopes"] == ["account:read", "account:write"]


@pytest.mark.parametrize("scope", ["users:write", "account:read nonsense", "openid"])
async def test_a_scope_that_is_not_held_is_refused_by_every_grant_and_begins_no_session(
    client: httpx.AsyncClient, member: Json, app: "TradepostApp", scope: str
) -> None:
    async with app.state.database.transaction() as session:
        before = (await session.execute(select(SessionRow.id).where(SessionRow.user_id == member["id"]))).all()
    refused(
        await ask(client, "password", username=member["email"], password=PASSWORD, scope=scope),
        "invalid_scope",
        said="allowed: account:read",
    )
    key = member["key"]
    refused(
        await ask(client, "client_credentials", client_id=key["prefix"], client_secret=key["secret"], scope=scope),
        "invalid_scope",
    )
    async with app.state.database.transaction() as session:
        assert (await session.execute(select(SessionRow.id).where(SessionRow.user_id == member["id"]))).all() == before


@pytest.mark.parametrize("id", ["prefix", "id"])
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("basic", [True, False])
async def test_a_key_gives_a_token_by_either_name_secret_and_way(
    client: httpx.AsyncClient, member: Json, id: str, whole: bool, basic: bool
) -> None:
    key = member["key"]
    secret = key["secret"] if whole else key["secret"].rpartition("_")[2]
    client_id = key[id]
    way: Json = {"headers": by_basic(client_id, secret)} if basic else {"client_id": client_id, "client_secret": secret}
    said = granted(await ask(client, "client_credentials", **way), refresh=False)
    assert set(said["scope"].split()) == ROLES["staff"]
    assert (await me(client, said["access_token"])).json()["id"] == member["id"]


async def test_the_token_of_a_key_has_its_scopes_its_limit_and_its_owners_bucket(
    client: httpx.AsyncClient, member: Json, app: "TradepostApp"
) -> None:
    access = granted(await ask(client, "password", username=member["email"], password=PASSWORD))["access_token"]
    wanted = {"name": "till", "scopes": ["account:read", "stock:read"], "points_per_minute": 77}
    key = (await client.post("/v1/api-keys", json=wanted, headers=bearer(access))).json()
    said = granted(
        await ask(client, "client_credentials", client_id=key["prefix"], client_secret=key["secret"]), refresh=False
    )
    assert said["scope"] == "account:read stock:read"
    caller = await app.state.credentials.identify(said["access_token"])
    assert (caller.id, caller.key, caller.points, caller.session) == (member["id"], key["id"], 77, None)
    assert caller == await app.state.credentials.identify(key["secret"])
    less = granted(
        await ask(
            client, "client_credentials", client_id=key["prefix"], client_secret=key["secret"], scope="stock:read"
        ),
        refresh=False,
    )
    assert (await app.state.credentials.identify(less["access_token"])).permissions == {"stock:read"}
    assert app.state.means.of(AccessTokens).read(less["access_token"]).key == key["id"]


async def test_a_key_of_nobody_gives_a_token_that_stands_for_itself(
    client: httpx.AsyncClient, app: "TradepostApp"
) -> None:
    text = await app.state.credentials.create(name="robot", role="staff")
    said = granted(await ask(client, "client_credentials", headers=by_basic(text.split("_")[1], text)), refresh=False)
    caller = await app.state.credentials.identify(said["access_token"])
    assert caller == await app.state.credentials.identify(text)
    assert app.state.means.of(AccessTokens).read(said["access_token"]).user == caller.id
    slug = unique("made")
    made = await client.post(
        "/v1/categories", json={"name": "Made", "slug": slug}, headers=bearer(said["access_token"])
    )
    assert made.status_code == 201, made.text


@pytest.mark.parametrize("how", ["revoked", "expired", "suspended"])
async def test_a_token_dies_with_its_key(client: httpx.AsyncClient, app: "TradepostApp", how: str) -> None:
    email = f"{unique('ann')}@shop.example"
    await client.post("/v1/auth/register", json={"email": email, "password": PASSWORD})
    access = granted(await ask(client, "password", username=email, password=PASSWORD))["access_token"]
    key = (await client.post("/v1/api-keys", json={"name": "till"}, headers=bearer(access))).json()
    way = {"client_id": key["prefix"], "client_secret": key["secret"]}
    token = granted(await ask(client, "client_credentials", **way), refresh=False)["access_token"]
    assert (await me(client, token)).status_code == 200
    if how == "revoked":
        assert (await client.delete(f"/v1/api-keys/{key['id']}", headers=bearer(access))).status_code == 204
    elif how == "suspended":
        admin = await app.state.credentials.create(name="admin", role="admin")
        id = (await me(client, access)).json()["id"]
        assert (await client.post(f"/v1/users/{id}/suspension", headers={"X-API-Key": admin})).status_code == 200
    else:
        async with app.state.database.transaction() as session:
            await session.execute(
                update(ApiKeyRow)
                .where(ApiKeyRow.id == key["id"])
                .values(expires_at=datetime.now(UTC) - timedelta(seconds=1))
            )
        app.state.credentials.remembered.forget(key=key["id"])
    assert_problem(await me(client, token), 401, "unauthenticated")
    refused(await ask(client, "client_credentials", **way), "invalid_client", status=401)


async def test_a_token_is_good_no_longer_than_its_key(
    client: httpx.AsyncClient, member: Json, app: "TradepostApp"
) -> None:
    key = member["key"]
    text = await app.state.credentials.create(name="short", role="staff")
    id, soon = text.split("_")[1], datetime.now(UTC) + timedelta(seconds=100)
    async with app.state.database.transaction() as session:
        await session.execute(update(ApiKeyRow).where(ApiKeyRow.prefix == id).values(expires_at=soon))
    assert (
        granted(await ask(client, "client_credentials", client_id=id, client_secret=text), refresh=False)["expires_in"]
        <= 100
    )
    assert (
        granted(
            await ask(client, "client_credentials", client_id=key["id"], client_secret=key["secret"]), refresh=False
        )["expires_in"]
        == 900
    )


async def test_a_token_that_names_another_owner_than_its_key_has_is_refused(
    client: httpx.AsyncClient, member: Json, app: "TradepostApp"
) -> None:
    forged, _ = app.state.means.of(AccessTokens).issue(
        user=SYSTEM.id or "somebody", session=None, key=member["key"]["id"]
    )
    assert_problem(await me(client, forged), 401, "unauthenticated")


async def test_a_client_that_is_not_right_is_told_so_whatever_it_asks_for(
    client: httpx.AsyncClient, member: Json
) -> None:
    key = member["key"]
    wrong = key["secret"][:-1] + ("a" if key["secret"][-1] != "a" else "b")
    for id, secret in (
        (key["prefix"], wrong),
        ("x" * 16, key["secret"]),
        ("", key["secret"]),
        (key["prefix"], "ü"),
        (key["id"], "tp_"),
        (member["id"], key["secret"]),
    ):
        answer = await ask(client, "client_credentials", headers=by_basic(id, secret))
        refused(answer, "invalid_client", status=401)
        assert answer.headers["www-authenticate"].startswith("Basic realm=")
        refused(
            await ask(
                client, "password", username=member["email"], password=PASSWORD, client_id=id, client_secret=secret
            ),
            "invalid_client",
            status=401,
        )
    refused(await ask(client, "client_credentials", client_id=key["prefix"]), "invalid_client", status=401)
    refused(await ask(client, "client_credentials"), "invalid_client", status=401)


@pytest.mark.parametrize(
    "header",
    ["Basic", "Basic !", "Basic YQ==", "Bearer x", "Digest y", "Basic " + base64.b64encode(b"\xff:x").decode()],
)
async def test_a_header_that_names_no_client_is_401_with_the_scheme(client: httpx.AsyncClient, header: str) -> None:
    answer = await ask(client, "client_credentials", headers={"Authorization": header})
    refused(answer, "invalid_client", status=401)
    assert answer.headers["www-authenticate"].startswith("Basic ")


async def test_tools_without_a_secret_may_name_themselves(client: httpx.AsyncClient, member: Json) -> None:
    """Swagger sends its empty fields by Basic, and a public client its `client_id` alone."""
    way = {"username": member["email"], "password": PASSWORD}
    for headers in (by_basic("", ""), by_basic("swagger", "")):
        granted(await ask(client, "password", headers=headers, **way))
    granted(await ask(client, "password", client_id="swagger", client_secret="", scope="", unknown="1", **way))


async def test_a_client_names_itself_in_one_way(client: httpx.AsyncClient, member: Json) -> None:
    key = member["key"]
    headers = by_basic(key["prefix"], key["secret"])
    refused(
        await ask(client, "client_credentials", headers=headers, client_secret=key["secret"]),
        "invalid_request",
        said="twice",
    )
    refused(
        await ask(client, "client_credentials", headers=headers, client_id="another"), "invalid_request", said="twice"
    )
    granted(await ask(client, "client_credentials", headers=headers, client_id=key["prefix"]), refresh=False)


@pytest.mark.parametrize(
    ("body", "error", "said"),
    [
        ("", "invalid_request", "grant_type"),
        ("grant_type=", "invalid_request", "`grant_type` is missing."),
        ("grant_type=implicit", "unsupported_grant_type", "client_credentials"),
        ('grant_type="\\%C3%BC', "unsupported_grant_type", "is no grant here"),
        ("grant_type=password&password=x", "invalid_request", "username"),
        ("grant_type=password&username=x", "invalid_request", "password"),
        ("grant_type=refresh_token", "invalid_request", "refresh_token"),
        ("grant_type=refresh_token&refresh_token=rt_x", "invalid_grant", ""),
        ("grant_type=password&grant_type=password", "invalid_request", "twice"),
        ("grant_type=password&x=1&x=", "invalid_request", "twice"),
        ("grant_type=password&username=%FF", "invalid_request", "UTF-8"),
        ("grant_type=password&username=\xfc", "invalid_request", "form"),
        ("&".join(["grant_type=password", *[f"p{n}=1" for n in range(60)]]), "invalid_request", "form"),
        ("grant_type=refresh_token&refresh_token=" + "x" * 600, "invalid_request", "`refresh_token` is too long."),
        ("grant_type=refresh_token&refresh_token=" + "x" * 20_000, "invalid_request", "bytes"),
        ("grant_type=password&username=a%00b&password=c", "invalid_request", "control"),
    ],
)
async def test_a_form_that_is_not_right_is_refused_as_the_rfc_says(
    client: httpx.AsyncClient, body: str, error: str, said: str
) -> None:
    refused(await client.post(TOKEN, content=body.encode(), headers={"Content-Type": FORM}), error, said=said)


async def test_nothing_but_a_form_in_the_body_is_read(client: httpx.AsyncClient, member: Json) -> None:
    way = {"grant_type": "password", "username": member["email"], "password": PASSWORD}
    refused(await client.post(TOKEN, json=way), "invalid_request", said=FORM)
    refused(await client.post(TOKEN, files={"grant_type": (None, "password")}), "invalid_request", said=FORM)
    refused(await client.post(TOKEN, params=way), "invalid_request", said="address")
    refused(await client.post(TOKEN, params={"fields": "scope"}, data=way), "invalid_request", said="address")
    refused(await client.post(TOKEN, data=way, headers={"Content-Encoding": "gzip"}), "invalid_request")
    for read in (await client.get(TOKEN), await client.put(TOKEN, data=way)):
        assert_problem(read, 405, "method_not_allowed")


async def test_no_cookie_key_or_idempotency_key_changes_what_is_answered(
    visitor: httpx.AsyncClient, member: Json, staff_key: str
) -> None:
    headers = {"Cookie": "session=abc", "X-API-Key": "tp_not_one", "Idempotency-Key": "the same", "Accept": "image/png"}
    first, second = [
        granted(await ask(visitor, "password", headers=headers, username=member["email"], password=PASSWORD))
        for _ in range(2)
    ]
    assert first["refresh_token"] != second["refresh_token"]
    refused(await ask(visitor, "password", headers={"X-API-Key": staff_key}), "invalid_request", said="username")


async def test_the_endpoint_is_there_for_scripts_of_other_origins(app: "TradepostApp", settings: Any) -> None:
    from tradepost.app import create_app

    shop = create_app(msgspec.structs.replace(settings, cors_origins=("https://till.example",)))
    async with shop.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url=HERE) as client:
        asked = {
            "Origin": "https://till.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        }
        allowed = await client.options(TOKEN, headers=asked)
        assert allowed.headers["access-control-allow-origin"] == "https://till.example"
        assert "Authorization" in allowed.headers["access-control-allow-headers"]
        answer = await ask(client, "nothing", headers={"Origin": "https://till.example"})
        refused(answer, "unsupported_grant_type")
        assert answer.headers["access-control-allow-origin"] == "https://till.example"


async def test_an_empty_bucket_is_a_problem_with_retry_after(settings: Any) -> None:
    from tradepost.app import create_app

    shop = create_app(msgspec.structs.replace(settings, budget_anonymous=30, redis_url=""))
    async with shop.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url=HERE) as client:
        answers = [await ask(client, "password", username="nobody@shop.example", password=PASSWORD) for _ in range(40)]
    over = next(a for a in answers if a.status_code == 429)
    assert (over.headers["content-type"], over.json()["code"]) == ("application/problem+json", "quota_exceeded")
    assert int(over.headers["retry-after"]) >= 1


async def test_what_is_granted_stands_in_the_audit_without_a_secret(
    client: httpx.AsyncClient, member: Json, app: "TradepostApp"
) -> None:
    key = member["key"]
    said = granted(
        await ask(client, "client_credentials", client_id=key["prefix"], client_secret=key["secret"]), refresh=False
    )
    async with app.state.database.transaction() as session:
        query = select(AuditEntry).where(AuditEntry.subject == key["id"], AuditEntry.type == "api_key.token_granted")
        entry = (await session.scalars(query.order_by(AuditEntry.created_at.desc()))).first()
    assert (entry.operation, entry.door) == ("token_grant", "rest")
    assert said["access_token"] not in str(entry.data)


async def test_litestars_own_path_answers_as_the_fast_lane_does(settings: Any, member: Json) -> None:
    from tradepost.app import create_app

    shop = create_app(msgspec.structs.replace(settings, fast_lane=False))
    async with shop.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url=HERE) as client:
        key = member["key"]
        granted(await ask(client, "client_credentials", headers=by_basic(key["prefix"], key["secret"])), refresh=False)
        refused(await ask(client, "implicit"), "unsupported_grant_type")


def test_every_permission_is_explained_as_a_scope() -> None:
    assert set(SCOPES) == PERMISSIONS


@given(
    st.text(st.characters(exclude_characters=":", exclude_categories=["Cs"])),
    st.text(st.characters(exclude_categories=["Cs"])),
)
def test_basic_brings_back_what_a_client_encoded(id: str, secret: str) -> None:
    from urllib.parse import quote_plus

    assert basic_credentials(b"Basic " + base64.b64encode(f"{quote_plus(id)}:{quote_plus(secret)}".encode())) == (
        id,
        secret,
    )


@given(st.binary())
def test_no_header_breaks_the_reading_of_a_client(header: bytes) -> None:
    try:
        id, secret = basic_credentials(header)
    except InvalidClient:
        return
    assert isinstance(id, str)
    assert isinstance(secret, str)


def test_the_credentials_of_the_shop_are_one_thing(app: "TradepostApp") -> None:
    assert app.state.means.of(Credentials) is app.state.credentials
