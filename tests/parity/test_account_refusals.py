"""What is wrong with a body about an account is the same problem through either door, with the same faults at the same places."""

import pytest

from tests.factories import unique
from tests.parity.account_write_cases import ACTS, client_with_role
from tests.parity.harness import DualDoorApp, Json, assert_same
from tests.parity.write_cases import WANTED, DoorWriter
from tests.users import ADDRESS, PASSWORD, create_user

GOOD = "four green boats at noon"
# Operation, body, status.
BAD: list[tuple[str, Json, int]] = [
    ("register", {"email": "kim@shop.example", "password": "short"}, 422),
    ("register", {"email": "kim@shop.example", "password": "password1"}, 422),
    ("register", {"email": "no address", "password": GOOD}, 422),
    ("register", {"email": "k", "password": GOOD, "username": "A B", "full_name": "a\nb"}, 422),
    ("login", {"email": "nobody@shop.example", "password": GOOD}, 401),
    ("login", {"email": "", "password": ""}, 401),
    ("password_reset", {"email": "x" * 255}, 422),
    ("token_refresh", {"refresh_token": "rt_unknown"}, 401),
    ("email_verify", {"token": "mt_unknown"}, 401),
    ("email_verify", {"token": "x" * 513}, 422),
    ("password_reset_confirm", {"token": "mt_unknown", "new_password": GOOD}, 401),
    ("password_reset_confirm", {"token": "mt_unknown", "new_password": "password1"}, 422),
    ("password_change", {"current_password": PASSWORD, "new_password": "password1"}, 422),
    ("password_change", {"current_password": GOOD, "new_password": GOOD}, 401),
    ("email_change", {"email": "x@@y", "password": PASSWORD}, 422),
    ("email_change", {"email": "kim@shop.example", "password": GOOD}, 401),
    ("me_update", {"username": "A B", "full_name": "bell\u0007"}, 422),
    ("me_update", {"full_name": "x" * 201}, 422),
    ("me_close", {"password": GOOD}, 401),
    ("address_create", {"name": "", "lines": [], "city": "a\nb", "country": "dk"}, 422),
    ("address_create", ADDRESS | {"country": "ZZ"}, 422),
    ("address_replace", ADDRESS | {"lines": ["x"] * 5, "phone": "12"}, 422),
    ("address_update", {"phone": "12", "postcode": "x" * 21}, 422),
    ("address_update", {"country": "XA"}, 422),
    ("api_key_create", {"name": "", "points_per_minute": 0}, 422),
    ("api_key_create", {"name": "Key", "scopes": ["users:write"]}, 422),
    ("api_key_create", {"name": "Key", "scopes": ["No"]}, 422),
    ("api_key_create", {"name": "Key", "expires_at": "2020-01-01T00:00:00.000001Z"}, 422),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "body", "status"), BAD)
async def test_a_bad_body_about_an_account_is_the_same_problem_through_either_door(
    harness: DualDoorApp, operation: str, body: Json, status: int
) -> None:
    visitor = await client_with_role(harness, ACTS[operation].role)
    key, _ = await ACTS[operation].make(visitor.person or await create_user(harness.app), unique("m").replace("-", ""))
    door = DoorWriter(harness, visitor, operation)
    rest, graphql = WANTED[door.of.result.name]
    mine, theirs = await door.rest(rest, key, body), await door.graphql(graphql, key, body)
    assert isinstance(mine, tuple), mine
    assert_same(mine, theirs)
    assert mine[1] == status


def test_every_body_about_an_account_is_tried_with_a_fault(harness: DualDoorApp) -> None:
    # A role is an enum: what is none is no document at all to GraphQL.
    assert {n for n in ACTS if harness.operation(n).input} - {operation for operation, *_ in BAD} == {"user_role_set"}
