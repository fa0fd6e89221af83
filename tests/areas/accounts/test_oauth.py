"""The token endpoint of OAuth2 (RFC 6749)."""

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

from tests.areas.accounts.account_client import age_used_tokens
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
    """A staff user with a password and an API key."""
    email = f"{unique('kim')}@shop.example"
    assert (await client.post("/v1/auth/register", json={"email": email, "password": PASSWORD})).status_code == 202
    async with app.state.database.transaction() as session:
        await session.execute(update(UserRow).where(UserRow.email == email).values(role="staff"))
        id = str(await session.scalar(select(UserRow.id).where(UserRow.email == email)))
    access = (await request_token(client, "password", username=email, password=PASSWORD)).json()["access_token"]
    key = (await client.post("/v1/api-keys", json={"name": "till"}, headers=bearer(access))).json()
    return {"email": email, "id": id, "key": key}


@pytest.fixture
async def anonymous(app: "TradepostApp") -> AsyncIterator[httpx.AsyncClient]:
    """A client without cookies and credentials."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=HERE) as client:
        yield client


async def request_token(
    client: httpx.AsyncClient, grant: str, path: str = TOKEN, headers: dict[str, str] | None = None, **more: str
) -> httpx.Response:
    """Send a token request."""
    return await client.post(path, data={"grant_type": grant, **more}, headers=headers)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def by_basic(id: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{id}:{secret}".encode()).decode()}


def granted(answer: httpx.Response, *, refresh: bool = True) -> Json:
    """Return the body of a token response, which must follow RFC 6749, 5.1."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    assert "set-cookie" not in answer.headers
    grant: Json = answer.json()
    assert set(grant) == {"access_token", "token_type", "expires_in", "scope", *(["refresh_token"] if refresh else [])}
    assert grant["token_type"] == "Bearer"
    assert 0 < grant["expires_in"] <= 900
    return grant


def refused(answer: httpx.Response, error: str, *, status: int = 400, text: str = "") -> None:
    """Assert that a response is this error, in the form of RFC 6749, 5.2."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert (body["error"], body["error_uri"]) == (error, f"/problems/{error}")
    assert text in body["error_description"]
    assert all(" " <= c <= "~" and c not in '"\\' for c in body["error_description"])


async def me(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.get("/v1/users/me", headers=bearer(token))


@pytest.mark.parametrize("path", ["/v1/auth/token", "/v2/auth/token", "/auth/token"])
async def test_a_password_grant_begins_a_session_under_every_path_prefix(
    client: httpx.AsyncClient, member: Json, path: str
) -> None:
    grant = granted(await request_token(client, "password", path, username=member["email"].upper(), password=PASSWORD))
    assert set(grant["scope"].split()) == ROLES["staff"]
    assert (await me(client, grant["access_token"])).json()["id"] == member["id"]


async def test_a_wrong_password_and_an_unknown_address_get_the_same_error(
    client: httpx.AsyncClient, member: Json
) -> None:
    wrong = await request_token(client, "password", username=member["email"], password="not this one")
    unknown = await request_token(client, "password", username=f"{unique()}@shop.example", password=PASSWORD)
    refused(wrong, "invalid_grant")
    assert wrong.content == unknown.content


async def test_a_second_use_of_a_refresh_token_gets_the_same_successor_and_later_ends_the_session(
    app: "TradepostApp", client: httpx.AsyncClient, member: Json
) -> None:
    first = granted(await request_token(client, "password", username=member["email"], password=PASSWORD))
    second = granted(await request_token(client, "refresh_token", refresh_token=first["refresh_token"]))
    assert (await me(client, second["access_token"])).status_code == 200
    again = granted(await request_token(client, "refresh_token", refresh_token=first["refresh_token"]))
    assert again["refresh_token"] == second["refresh_token"]
    limited = await request_token(client, "refresh_token", refresh_token=first["refresh_token"], scope="account:read")
    assert (granted(limited)["refresh_token"], granted(limited)["scope"]) == (second["refresh_token"], "account:read")
    await age_used_tokens(app, first["refresh_token"], timedelta(seconds=11))
    refused(await request_token(client, "refresh_token", refresh_token=first["refresh_token"]), "invalid_grant")
    refused(await request_token(client, "refresh_token", refresh_token=second["refresh_token"]), "invalid_grant")
    assert (await me(client, second["access_token"])).status_code == 401


async def test_refresh_tokens_are_interchangeable_between_both_endpoints(
    client: httpx.AsyncClient, member: Json
) -> None:
    login = (await client.post("/v1/auth/login", json={"email": member["email"], "password": PASSWORD})).json()
    grant = granted(await request_token(client, "refresh_token", refresh_token=login["refresh_token"]))
    assert (await client.post("/v1/auth/refresh", json={"refresh_token": grant["refresh_token"]})).status_code == 200


async def test_the_scope_of_a_password_grant_restricts_the_whole_session(
    client: httpx.AsyncClient, member: Json
) -> None:
    grant = granted(
        await request_token(
            client, "password", username=member["email"], password=PASSWORD, scope="account:read account:read"
        )
    )
    assert grant["scope"] == "account:read"
    for _ in range(2):
        assert (await me(client, grant["access_token"])).status_code == 200
        assert_problem(
            await client.patch("/v1/users/me", json={}, headers=bearer(grant["access_token"])), 403, "forbidden"
        )
        grant = granted(await request_token(client, "refresh_token", refresh_token=grant["refresh_token"]))
    refused(
        await request_token(client, "refresh_token", refresh_token=grant["refresh_token"], scope="account:write"),
        "invalid_scope",
        text="account:read",
    )
    # The refusal did not use up the token, and `/auth/refresh` keeps the restriction.
    pair = (await client.post("/v1/auth/refresh", json={"refresh_token": grant["refresh_token"]})).json()
    assert_problem(await client.patch("/v1/users/me", json={}, headers=bearer(pair["access_token"])), 403, "forbidden")


async def test_the_scope_of_a_refresh_restricts_only_that_access_token(client: httpx.AsyncClient, member: Json) -> None:
    first = granted(await request_token(client, "password", username=member["email"], password=PASSWORD))
    second = granted(
        await request_token(client, "refresh_token", refresh_token=first["refresh_token"], scope="account:read")
    )
    assert second["scope"] == "account:read"
    third = granted(await request_token(client, "refresh_token", refresh_token=second["refresh_token"]))
    assert set(third["scope"].split()) == ROLES["staff"]


async def test_a_restricted_session_creates_keys_with_its_own_scopes_only(
    client: httpx.AsyncClient, member: Json
) -> None:
    grant = granted(
        await request_token(
            client, "password", username=member["email"], password=PASSWORD, scope="account:read account:write"
        )
    )
    key = (await client.post("/v1/api-keys", json={"name": "narrow"}, headers=bearer(grant["access_token"]))).json()
    assert key["scopes"] == ["account:read", "account:write"]


@pytest.mark.parametrize("scope", ["users:write", "account:read nonsense", "openid"])
async def test_a_scope_that_the_caller_lacks_is_refused_and_begins_no_session(
    client: httpx.AsyncClient, member: Json, app: "TradepostApp", scope: str
) -> None:
    async with app.state.database.transaction() as session:
        before = (await session.execute(select(SessionRow.id).where(SessionRow.user_id == member["id"]))).all()
    refused(
        await request_token(client, "password", username=member["email"], password=PASSWORD, scope=scope),
        "invalid_scope",
        text="allowed: account:read",
    )
    key = member["key"]
    refused(
        await request_token(
            client, "client_credentials", client_id=key["prefix"], client_secret=key["secret"], scope=scope
        ),
        "invalid_scope",
    )
    async with app.state.database.transaction() as session:
        assert (await session.execute(select(SessionRow.id).where(SessionRow.user_id == member["id"]))).all() == before


@pytest.mark.parametrize("id", ["prefix", "id"])
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("basic", [True, False])
async def test_a_key_gets_a_token_with_either_id_secret_form_and_transport(
    client: httpx.AsyncClient, member: Json, id: str, whole: bool, basic: bool
) -> None:
    key = member["key"]
    secret = key["secret"] if whole else key["secret"].rpartition("_")[2]
    client_id = key[id]
    credentials: Json = (
        {"headers": by_basic(client_id, secret)} if basic else {"client_id": client_id, "client_secret": secret}
    )
    grant = granted(await request_token(client, "client_credentials", **credentials), refresh=False)
    assert set(grant["scope"].split()) == ROLES["staff"]
    assert (await me(client, grant["access_token"])).json()["id"] == member["id"]


async def test_the_token_of_a_key_has_the_scopes_limit_and_owner_of_the_key(
    client: httpx.AsyncClient, member: Json, app: "TradepostApp"
) -> None:
    access = granted(await request_token(client, "password", username=member["email"], password=PASSWORD))[
        "access_token"
    ]
    body = {"name": "till", "scopes": ["account:read", "stock:read"], "points_per_minute": 77}
    key = (await client.post("/v1/api-keys", json=body, headers=bearer(access))).json()
    grant = granted(
        await request_token(client, "client_credentials", client_id=key["prefix"], client_secret=key["secret"]),
        refresh=False,
    )
    assert grant["scope"] == "account:read stock:read"
    caller = await app.state.credentials.identify(grant["access_token"])
    assert (caller.id, caller.api_key_id) == (member["id"], key["id"])
    assert (caller.points_per_minute, caller.session_id) == (77, None)
    assert caller == await app.state.credentials.identify(key["secret"])
    less = granted(
        await request_token(
            client, "client_credentials", client_id=key["prefix"], client_secret=key["secret"], scope="stock:read"
        ),
        refresh=False,
    )
    assert (await app.state.credentials.identify(less["access_token"])).permissions == {"stock:read"}
    assert app.state.dependencies.require(AccessTokens).decode(less["access_token"]).key == key["id"]


async def test_the_token_of_a_key_without_a_user_identifies_the_key(
    client: httpx.AsyncClient, app: "TradepostApp"
) -> None:
    text = await app.state.credentials.create(name="robot", role="staff")
    grant = granted(
        await request_token(client, "client_credentials", headers=by_basic(text.split("_")[1], text)), refresh=False
    )
    caller = await app.state.credentials.identify(grant["access_token"])
    assert caller == await app.state.credentials.identify(text)
    assert app.state.dependencies.require(AccessTokens).decode(grant["access_token"]).user == caller.id
    body = {"name": "Created", "slug": unique("created")}
    answer = await client.post("/v1/categories", json=body, headers=bearer(grant["access_token"]))
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("how", ["revoked", "expired", "suspended"])
async def test_a_token_is_refused_once_its_key_is_no_longer_valid(
    client: httpx.AsyncClient, app: "TradepostApp", how: str
) -> None:
    email = f"{unique('ann')}@shop.example"
    await client.post("/v1/auth/register", json={"email": email, "password": PASSWORD})
    access = granted(await request_token(client, "password", username=email, password=PASSWORD))["access_token"]
    key = (await client.post("/v1/api-keys", json={"name": "till"}, headers=bearer(access))).json()
    credentials = {"client_id": key["prefix"], "client_secret": key["secret"]}
    token = granted(await request_token(client, "client_credentials", **credentials), refresh=False)["access_token"]
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
        app.state.credentials.cache.invalidate(key=key["id"])
    assert_problem(await me(client, token), 401, "unauthenticated")
    refused(await request_token(client, "client_credentials", **credentials), "invalid_client", status=401)


async def test_a_token_expires_no_later_than_its_key(
    client: httpx.AsyncClient, member: Json, app: "TradepostApp"
) -> None:
    key = member["key"]
    text = await app.state.credentials.create(name="short", role="staff")
    id, soon = text.split("_")[1], datetime.now(UTC) + timedelta(seconds=100)
    async with app.state.database.transaction() as session:
        await session.execute(update(ApiKeyRow).where(ApiKeyRow.prefix == id).values(expires_at=soon))
    assert (
        granted(await request_token(client, "client_credentials", client_id=id, client_secret=text), refresh=False)[
            "expires_in"
        ]
        <= 100
    )
    assert (
        granted(
            await request_token(client, "client_credentials", client_id=key["id"], client_secret=key["secret"]),
            refresh=False,
        )["expires_in"]
        == 900
    )


async def test_a_token_whose_subject_does_not_own_its_key_is_refused(
    client: httpx.AsyncClient, member: Json, app: "TradepostApp"
) -> None:
    forged, _ = app.state.dependencies.require(AccessTokens).issue(
        user=SYSTEM.id or "somebody", session=None, key=member["key"]["id"]
    )
    assert_problem(await me(client, forged), 401, "unauthenticated")


async def test_wrong_client_credentials_are_refused_for_every_grant(client: httpx.AsyncClient, member: Json) -> None:
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
        answer = await request_token(client, "client_credentials", headers=by_basic(id, secret))
        refused(answer, "invalid_client", status=401)
        assert answer.headers["www-authenticate"].startswith("Basic realm=")
        refused(
            await request_token(
                client, "password", username=member["email"], password=PASSWORD, client_id=id, client_secret=secret
            ),
            "invalid_client",
            status=401,
        )
    refused(await request_token(client, "client_credentials", client_id=key["prefix"]), "invalid_client", status=401)
    refused(await request_token(client, "client_credentials"), "invalid_client", status=401)


@pytest.mark.parametrize(
    "header",
    ["Basic", "Basic !", "Basic YQ==", "Bearer x", "Digest y", "Basic " + base64.b64encode(b"\xff:x").decode()],
)
async def test_a_malformed_client_header_is_401_with_the_basic_scheme(client: httpx.AsyncClient, header: str) -> None:
    answer = await request_token(client, "client_credentials", headers={"Authorization": header})
    refused(answer, "invalid_client", status=401)
    assert answer.headers["www-authenticate"].startswith("Basic ")


async def test_a_client_without_a_secret_may_send_its_id(client: httpx.AsyncClient, member: Json) -> None:
    """Swagger UI sends empty Basic credentials, and a public client only its `client_id`."""
    credentials = {"username": member["email"], "password": PASSWORD}
    for headers in (by_basic("", ""), by_basic("swagger", "")):
        granted(await request_token(client, "password", headers=headers, **credentials))
    granted(
        await request_token(
            client, "password", client_id="swagger", client_secret="", scope="", unknown="1", **credentials
        )
    )


async def test_a_client_must_authenticate_in_only_one_way(client: httpx.AsyncClient, member: Json) -> None:
    key = member["key"]
    headers = by_basic(key["prefix"], key["secret"])
    refused(
        await request_token(client, "client_credentials", headers=headers, client_secret=key["secret"]),
        "invalid_request",
        text="both",
    )
    refused(
        await request_token(client, "client_credentials", headers=headers, client_id="another"),
        "invalid_request",
        text="both",
    )
    granted(await request_token(client, "client_credentials", headers=headers, client_id=key["prefix"]), refresh=False)


@pytest.mark.parametrize(
    ("body", "error", "text"),
    [
        ("", "invalid_request", "grant_type"),
        ("grant_type=", "invalid_request", "`grant_type` is missing."),
        ("grant_type=implicit", "unsupported_grant_type", "client_credentials"),
        ('grant_type="\\%C3%BC', "unsupported_grant_type", "Unsupported grant type"),
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
async def test_an_invalid_form_is_refused_with_the_error_of_the_rfc(
    client: httpx.AsyncClient, body: str, error: str, text: str
) -> None:
    refused(await client.post(TOKEN, content=body.encode(), headers={"Content-Type": FORM}), error, text=text)


async def test_only_a_form_in_the_body_is_accepted(client: httpx.AsyncClient, member: Json) -> None:
    credentials = {"grant_type": "password", "username": member["email"], "password": PASSWORD}
    refused(await client.post(TOKEN, json=credentials), "invalid_request", text=FORM)
    refused(await client.post(TOKEN, files={"grant_type": (None, "password")}), "invalid_request", text=FORM)
    refused(await client.post(TOKEN, params=credentials), "invalid_request", text="Query parameters")
    refused(
        await client.post(TOKEN, params={"fields": "scope"}, data=credentials),
        "invalid_request",
        text="Query parameters",
    )
    refused(await client.post(TOKEN, data=credentials, headers={"Content-Encoding": "gzip"}), "invalid_request")
    for answer in (await client.get(TOKEN), await client.put(TOKEN, data=credentials)):
        assert_problem(answer, 405, "method_not_allowed")


async def test_cookies_api_keys_and_idempotency_keys_are_ignored(
    anonymous: httpx.AsyncClient, member: Json, staff_key: str
) -> None:
    headers = {"Cookie": "session=abc", "X-API-Key": "tp_not_one", "Idempotency-Key": "the same", "Accept": "image/png"}
    first, second = [
        granted(
            await request_token(anonymous, "password", headers=headers, username=member["email"], password=PASSWORD)
        )
        for _ in range(2)
    ]
    assert first["refresh_token"] != second["refresh_token"]
    refused(
        await request_token(anonymous, "password", headers={"X-API-Key": staff_key}), "invalid_request", text="username"
    )


async def test_the_endpoint_supports_cors(app: "TradepostApp", settings: Any) -> None:
    from tradepost.app import create_app

    shop = create_app(msgspec.structs.replace(settings, cors_origins=("https://till.example",)))
    async with shop.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url=HERE) as client:
        preflight = {
            "Origin": "https://till.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        }
        allowed = await client.options(TOKEN, headers=preflight)
        assert allowed.headers["access-control-allow-origin"] == "https://till.example"
        assert "Authorization" in allowed.headers["access-control-allow-headers"]
        answer = await request_token(client, "nothing", headers={"Origin": "https://till.example"})
        refused(answer, "unsupported_grant_type")
        assert answer.headers["access-control-allow-origin"] == "https://till.example"


async def test_an_empty_bucket_is_a_quota_problem_with_retry_after(settings: Any) -> None:
    from tradepost.app import create_app

    shop = create_app(msgspec.structs.replace(settings, budget_anonymous=30, redis_url=""))
    async with shop.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url=HERE) as client:
        answers = [
            await request_token(client, "password", username="nobody@shop.example", password=PASSWORD)
            for _ in range(40)
        ]
    over = next(answer for answer in answers if answer.status_code == 429)
    assert (over.headers["content-type"], over.json()["code"]) == ("application/problem+json", "quota_exceeded")
    assert int(over.headers["retry-after"]) >= 1


async def test_a_granted_token_is_recorded_in_the_audit_log_without_a_secret(
    client: httpx.AsyncClient, member: Json, app: "TradepostApp"
) -> None:
    key = member["key"]
    grant = granted(
        await request_token(client, "client_credentials", client_id=key["prefix"], client_secret=key["secret"]),
        refresh=False,
    )
    async with app.state.database.transaction() as session:
        query = select(AuditEntry).where(AuditEntry.subject == key["id"], AuditEntry.type == "api_key.token_granted")
        entry = (await session.scalars(query.order_by(AuditEntry.created_at.desc()))).first()
    assert (entry.operation, entry.door) == ("token_grant", "rest")
    assert grant["access_token"] not in str(entry.data)


async def test_the_endpoint_works_without_the_fast_path(settings: Any, member: Json) -> None:
    from tradepost.app import create_app

    shop = create_app(msgspec.structs.replace(settings, fast_lane=False))
    async with shop.lifespan(), httpx.AsyncClient(transport=httpx.ASGITransport(app=shop), base_url=HERE) as client:
        key = member["key"]
        granted(
            await request_token(client, "client_credentials", headers=by_basic(key["prefix"], key["secret"])),
            refresh=False,
        )
        refused(await request_token(client, "implicit"), "unsupported_grant_type")


def test_every_permission_is_documented_as_a_scope() -> None:
    assert set(SCOPES) == PERMISSIONS


@given(
    st.text(st.characters(exclude_characters=":", exclude_categories=["Cs"])),
    st.text(st.characters(exclude_categories=["Cs"])),
)
def test_basic_credentials_round_trip(id: str, secret: str) -> None:
    from urllib.parse import quote_plus

    assert basic_credentials(b"Basic " + base64.b64encode(f"{quote_plus(id)}:{quote_plus(secret)}".encode())) == (
        id,
        secret,
    )


@given(st.binary())
def test_any_basic_header_is_parsed_or_an_invalid_client(header: bytes) -> None:
    try:
        id, secret = basic_credentials(header)
    except InvalidClient:
        return
    assert isinstance(id, str)
    assert isinstance(secret, str)


def test_the_app_has_one_credentials_instance(app: "TradepostApp") -> None:
    assert app.state.dependencies.require(Credentials) is app.state.credentials
