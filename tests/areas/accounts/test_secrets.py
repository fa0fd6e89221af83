"""No password, token or key is written to a log, an error, the audit log, the outbox or a table."""

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from tests.areas.accounts.account_client import (
    DOORS,
    OPERATIONS,
    Door,
    DoorClient,
    age_used_tokens,
    email_token,
    register_and_log_in,
)
from tests.factories import unique
from tradepost.kit.db.base import Table

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

both_doors = pytest.mark.parametrize("door", DOORS)


async def scenario(app: "TradepostApp", door: Door) -> dict[str, str]:
    """Use an account from registration to closure, with errors, and return every secret used."""
    words = {name: f"{name} {unique('zebra')} of words" for name in ("first", "second", "third", "wrong")}
    email, repeat = f"{unique('kim')}@shop.example", unique()
    door_client = DoorClient(app)
    for _ in range(2):
        await door_client.ok(door, "register", {"email": email, "password": words["first"]}, idempotency_key=repeat)
    assert await door_client.code(door, "login", {"email": email, "password": words["wrong"]}) == "invalid_credentials"
    pair = await door_client.ok(door, "login", {"email": email, "password": words["first"]})
    kim = door_client.with_credential(pair["access_token"])
    id = (await kim.ok(door, "me"))["id"]
    key, _ = [await kim.ok(door, "api_key_create", {"name": "till"}, idempotency_key=repeat) for _ in range(2)]
    assert await kim.with_credential(key["secret"]).is_authenticated(door)
    assert not await kim.with_credential(key["secret"][:-1]).is_authenticated(door)
    later = await door_client.ok(door, "token_refresh", {"refresh_token": pair["refresh_token"]})
    assert (
        await kim.code(door, "password_change", {"current_password": words["wrong"], "new_password": words["second"]})
        == "invalid_credentials"
    )
    assert (
        await kim.code(door, "password_change", {"current_password": words["first"], "new_password": words["second"]})
        is None
    )
    assert (
        await kim.code(
            door,
            "email_change",
            {"email": f"{unique()}@shop.example", "password": words["second"]},
            idempotency_key=unique(),
        )
        is None
    )
    again = await door_client.ok(door, "token_refresh", {"refresh_token": pair["refresh_token"]})
    assert again["refresh_token"] == later["refresh_token"]
    await age_used_tokens(app, pair["refresh_token"], timedelta(seconds=11))
    assert await door_client.code(door, "token_refresh", {"refresh_token": pair["refresh_token"]}) == "invalid_token"
    assert not await kim.is_authenticated(door)
    await door_client.ok(door, "password_reset", {"email": email})
    emailed = await email_token(app, "reset_password", id, email)
    assert await door_client.code(door, "email_verify", {"token": emailed}) == "invalid_token"
    assert (
        await door_client.code(door, "password_reset_confirm", {"token": emailed, "new_password": words["third"]})
        is None
    )
    end = await door_client.ok(door, "login", {"email": email, "password": words["third"]})
    assert await kim.with_credential(end["access_token"]).code(door, "me_close", {"password": words["third"]}) is None
    pairs = {
        f"{name} {i}": p[name] for i, p in enumerate((pair, later, end)) for name in ("access_token", "refresh_token")
    }
    secret = key["secret"]
    return (
        words
        | pairs
        | {"e-mail token": emailed, "API key": secret, "secret part of the key": secret.split("_")[2][:43]}
    )


async def dump(app: "TradepostApp") -> str:
    """Return all rows of all tables as text."""
    rows: list[str] = []
    async with app.state.database.engine.connect() as connection:
        for table in Table.metadata.tables:
            rows += [str(tuple(row)) for row in await connection.execute(text(f'SELECT * FROM "{table}"'))]
    return "\n".join(rows)


@both_doors
async def test_no_secret_is_in_a_table_or_in_a_log(
    app: "TradepostApp", door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        secrets = await scenario(app, door)
    logs = "\n".join([f"{r.name} {r.getMessage()} {r.__dict__}" for r in caplog.records])
    tables = await dump(app)
    for name, secret in secrets.items():
        assert secret not in tables, f"{name} is in a table"
        loggers = [r.name for r in caplog.records if secret in r.getMessage()]
        assert secret not in logs, f"{name} is in a log: {loggers}"


INVALID_BODIES: dict[str, dict[str, Any]] = {
    "register": {"email": 1, "password": "{}"},
    "login": {"email": ["x"], "password": "{}"},
    "password_change": {"current_password": "{}", "new_password": 12},
    "token_refresh": {"refresh_token": "{}" * 40},
    "password_reset_confirm": {"token": "{}" * 40, "new_password": 1},
    "email_verify": {"token": "{}" * 40},
    "me_close": {"password": "{}", "more": 1},
    "email_change": {"email": {"x": 1}, "password": "{}"},
}


@pytest.mark.parametrize("operation", INVALID_BODIES)
async def test_a_validation_error_quotes_no_secret(app: "TradepostApp", operation: str) -> None:
    kim, secret = await register_and_log_in(app), unique("secret-phrase")
    body = {n: v.replace("{}", secret) if isinstance(v, str) else v for n, v in INVALID_BODIES[operation].items()}
    for payload in (body, [body], {"nested": body}):
        async with kim.client() as client:
            answer = await client.post(f"/v1{OPERATIONS[operation][1]}", json=payload)
        assert answer.status_code == 422, answer.text
        assert secret not in answer.text


async def test_a_number_as_password_is_not_quoted(app: "TradepostApp") -> None:
    answer = await DoorClient(app).call("rest", "login", {"email": "kim@shop.example", "password": 9182736455})
    assert answer.faults == {("/password", "invalid_type")}
    assert "9182736455" not in answer.raw.text


@both_doors
async def test_a_text_with_too_many_combining_marks_is_refused(app: "TradepostApp", door: Door) -> None:
    for member in ("email", "password"):
        answer = await DoorClient(app).call(
            door, "login", {"email": "kim@shop.example", "password": "x"} | {member: "a" + "\u0315\u0300" * 100_000}
        )
        assert answer.code == "validation"
        assert (f"/{member}", "too_many_marks") in answer.faults


async def test_an_error_in_variables_or_document_quotes_no_input(app: "TradepostApp") -> None:
    secret = unique("secret-phrase")
    text = "mutation ($input: LoginInput!) { login(input: $input) { accessToken } }"
    bodies: list[Any] = [
        {"query": text, "variables": {"input": value}}
        for value in (
            {"email": "x", "password": secret, "more": 1},
            secret,
            [secret],
            {"password": secret},
            {"email": "x", "password": [secret]},
        )
    ]
    bodies += [
        {"query": f"mutation {{ login(input: {value}) {{ accessToken }} }}"}
        for value in (f'{{email: "x", password: "{secret}", more: 1}}', f'"{secret}"')
    ]
    async with DoorClient(app).client() as client:
        for body in bodies:
            answer = await client.post("/graphql", json=body)
            assert answer.json()["errors"], body
            assert secret not in answer.text, answer.text
