"""Whatever happens, no password, token or key stands in a log, an answer, the audit, the outbox or any other table."""

import logging
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from tests.areas.accounts.people import DOORS, OPERATIONS, Door, House, letter_token, person
from tests.factories import unique
from tradepost.kit.db.base import Table

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

both = pytest.mark.parametrize("door", DOORS)


async def scenario(app: "TradepostApp", door: Door) -> dict[str, str]:
    """A life of an account, with all that may go wrong in it; the secrets that came up."""
    words = {name: f"{name} {unique('zebra')} of words" for name in ("first", "second", "third", "wrong")}
    email, repeat = f"{unique('kim')}@shop.example", unique()
    house = House(app)
    for _ in range(2):
        await house.ok(door, "register", {"email": email, "password": words["first"]}, idempotency_key=repeat)
    assert await house.code(door, "login", {"email": email, "password": words["wrong"]}) == "invalid_credentials"
    pair = await house.ok(door, "login", {"email": email, "password": words["first"]})
    kim = house.bearing(pair["access_token"])
    id = (await kim.ok(door, "me"))["id"]
    made, _ = [await kim.ok(door, "api_key_create", {"name": "till"}, idempotency_key=repeat) for _ in range(2)]
    assert await kim.bearing(made["secret"]).lets_in(door)
    assert not await kim.bearing(made["secret"][:-1]).lets_in(door)
    later = await house.ok(door, "token_refresh", {"refresh_token": pair["refresh_token"]})
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
    assert await house.code(door, "token_refresh", {"refresh_token": pair["refresh_token"]}) == "invalid_token"
    assert not await kim.lets_in(door)
    await house.ok(door, "password_reset", {"email": email})
    letter = await letter_token(app, "reset_password", id, email)
    assert await house.code(door, "email_verify", {"token": letter}) == "invalid_token"
    assert await house.code(door, "password_reset_confirm", {"token": letter, "new_password": words["third"]}) is None
    end = await house.ok(door, "login", {"email": email, "password": words["third"]})
    assert await kim.bearing(end["access_token"]).code(door, "me_close", {"password": words["third"]}) is None
    pairs = {
        f"{name} {i}": p[name] for i, p in enumerate((pair, later, end)) for name in ("access_token", "refresh_token")
    }
    return words | pairs | {"letter": letter, "key": made["secret"], "the key's own": made["secret"].split("_")[2][:43]}


async def dump(app: "TradepostApp") -> str:
    """All that is in the database."""
    out: list[str] = []
    async with app.state.database.engine.connect() as connection:
        for table in Table.metadata.tables:
            out += [str(tuple(row)) for row in await connection.execute(text(f'SELECT * FROM "{table}"'))]
    return "\n".join(out)


@both
async def test_no_secret_is_in_a_table_or_in_a_log(
    app: "TradepostApp", door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        secrets = await scenario(app, door)
    logs = "\n".join([f"{r.name} {r.getMessage()} {r.__dict__}" for r in caplog.records])
    tables = await dump(app)
    for name, secret in secrets.items():
        assert secret not in tables, f"{name} is in a table"
        assert secret not in logs, f"{name} is in a log: {[r.name for r in caplog.records if secret in r.getMessage()]}"


WRONG: dict[str, dict[str, Any]] = {
    "register": {"email": 1, "password": "{}"}, "login": {"email": ["x"], "password": "{}"}, "password_change": {"current_password": "{}", "new_password": 12},
    "token_refresh": {"refresh_token": "{}" * 40}, "password_reset_confirm": {"token": "{}" * 40, "new_password": 1}, "email_verify": {"token": "{}" * 40},
    "me_close": {"password": "{}", "more": 1}, "email_change": {"email": {"x": 1}, "password": "{}"},
}  # fmt: skip


@pytest.mark.parametrize("operation", WRONG)
async def test_a_fault_quotes_no_secret(app: "TradepostApp", operation: str) -> None:
    kim, secret = await person(app), unique("secret-phrase")
    body = {n: v.replace("{}", secret) if isinstance(v, str) else v for n, v in WRONG[operation].items()}
    for given in (body, [body], {"nested": body}):
        async with kim.client() as client:
            answer = await client.post(f"/v1{OPERATIONS[operation][1]}", json=given)
        assert answer.status_code == 422, answer.text
        assert secret not in answer.text


async def test_a_number_for_a_password_is_not_quoted(app: "TradepostApp") -> None:
    answer = await House(app).call("rest", "login", {"email": "kim@shop.example", "password": 9182736455})
    assert answer.places == {("/password", "invalid_type")}
    assert "9182736455" not in answer.raw.text


@both
async def test_a_mountain_of_marks_is_refused_before_it_costs_anything(app: "TradepostApp", door: Door) -> None:
    for member in ("email", "password"):
        answer = await House(app).call(
            door, "login", {"email": "kim@shop.example", "password": "x"} | {member: "a" + "\u0315\u0300" * 100_000}
        )
        assert answer.code == "validation"
        assert (f"/{member}", "too_many_marks") in answer.places


async def test_a_fault_of_variables_or_of_a_document_quotes_no_input(app: "TradepostApp") -> None:
    secret = unique("secret-phrase")
    text = "mutation ($input: LoginInput!) { login(input: $input) { accessToken } }"
    bodies: list[Any] = [
        {"query": text, "variables": {"input": given}}
        for given in (
            {"email": "x", "password": secret, "more": 1},
            secret,
            [secret],
            {"password": secret},
            {"email": "x", "password": [secret]},
        )
    ]
    bodies += [
        {"query": f"mutation {{ login(input: {given}) {{ accessToken }} }}"}
        for given in (f'{{email: "x", password: "{secret}", more: 1}}', f'"{secret}"')
    ]
    async with House(app).client() as client:
        for body in bodies:
            answer = await client.post("/graphql", json=body)
            assert answer.json()["errors"], body
            assert secret not in answer.text, answer.text
