"""API keys: the owner sees them, and admins see all."""

from tests.factories import unique
from tests.parity.access.table import OWNER_AND_ADMINS, USERS, Place
from tests.parity.case import (
    CaseContext,
    EntityCase,
    Fault,
    OracleCase,
    OracleView,
    ReadCase,
    Sample,
    TableRow,
    WriteCase,
)
from tradepost.areas.accounts.models import ApiKeyRow


async def sample(context: CaseContext) -> Sample:
    """Create keys of the owner, and of other users."""
    people = [context.owner] * 3 + context.samples["User"].rows["others"][:2]
    keys = [
        await person.key(scopes=["account:read"] if number % 2 else None, points_per_minute=number + 1)
        for number, person in enumerate(people)
    ]
    first = keys[0]
    return Sample(
        keys=[key["id"] for key in keys],
        filter_values={"prefix": [*[key["prefix"] for key in keys], "none"]},
        shown={
            "api_key_list": Place(seeks=first["id"], filter=("prefix", first["prefix"])),
            "api_key_get": Place(first["id"], first["id"]),
        },
    )


async def row(context: CaseContext) -> str:
    """Create a key of the owner."""
    return (await context.owner.key())["id"]


async def many_rows(context: CaseContext) -> str:
    """Create more than a page of keys of the owner."""
    owner = context.owner.id
    rows = [ApiKeyRow(user_id=owner, name="Key", prefix=unique("prefix"), secret_hash="x" * 64) for _ in range(101)]
    async with context.app.state.database.transaction() as session:
        session.add_all(rows)
    return rows[0].id


def is_visible(view: OracleView, key: TableRow) -> bool:
    """Keys without an owner, made on the command line, are visible to no user."""
    may_see_all = "users:write" in view.permissions
    is_own = view.user_id is not None and key["user_id"] == view.user_id
    return (may_see_all or is_own) and key["revoked_at"] is None


API_KEY = EntityCase(
    name="ApiKey",
    plural="api_keys",
    sample=sample,
    row=row,
    many_rows=many_rows,
    answer="name,scopes,points_per_minute,expires_at,last_used_at,version,user{email}",
    open_actions={"customer": {"api_key_delete"}, "admin": {"api_key_delete"}},
    oracle=OracleCase(visible=is_visible),
    reads=(
        ReadCase("api_key_list", OWNER_AND_ADMINS, {"id,prefix,user{email}": 1, "id,user{addresses{id}}": 2}),
        ReadCase("api_key_get", OWNER_AND_ADMINS, {"name,user{email}": 1}),
    ),
    writes=(
        WriteCase(
            "api_key_create",
            USERS,
            role="customer",
            bodies=(lambda c: {"name": f"Scanner {c.mark}", "scopes": ["account:read"], "points_per_minute": 7},),
            faults=(
                Fault({"name": "", "points_per_minute": 0}, ("/name", "/points_per_minute")),
                Fault({"name": "Key", "scopes": ["users:write"]}, ("/scopes/0",)),
                Fault({"name": "Key", "scopes": ["No"]}, ("/scopes/0",)),
                Fault({"name": "Key", "expires_at": "2020-01-01T00:00:00.000001Z"}, ("/expires_at",)),
            ),
        ),
        WriteCase("api_key_delete", OWNER_AND_ADMINS, role="customer"),
    ),
)
