"""Users: everyone sees their own account, staff see all."""

from tests.factories import unique
from tests.parity.access.table import (
    ADMINS_ONLY,
    FOR_THE_OWNER_AND_STAFF,
    OWNER,
    OWNER_AND_STAFF,
    STAFF_ONLY,
    USERS,
    Place,
)
from tests.parity.case import CaseContext, EntityCase, Fault, OracleCase, ReadCase, Sample, WriteCase
from tests.users import create_user


async def sample(context: CaseContext) -> Sample:
    """Create a user of each role, and a suspended one."""
    owner = context.owner
    others = [
        await create_user(context.app, role, full_name=f"Ångström {role}", username=unique("u"))
        for role in ("customer", "moderator", "staff", "admin")
    ]
    suspended = await create_user(context.app, status="suspended", full_name="")
    people = [owner, *others, suspended]
    created_at = (await context.read(f"/users/{others[1].id}", fields="created_at"))["created_at"]
    return Sample(
        keys=[person.id for person in people],
        filter_values={
            "email": [*[person.email for person in people], "unknown@shop.example"],
            "role": ["customer", "moderator", "staff", "admin"],
            "status": ["active", "suspended", "closed"],
            "q": ["angstrom", "kim", "ANG st", "kim lar", "u", "shop example"],
            **{
                f"created_at_{suffix}": [created_at, "2025-06-01T02:00:00+02:00"]
                for suffix in ("gte", "gt", "lte", "lt")
            },
        },
        shown={
            "user_list": Place(seeks=owner.id, filter=("email", owner.email)),
            "user_get": Place(owner.id, owner.id),
            "me": Place(seeks=owner.id),
        },
        rows={"other": others[0], "others": others},
    )


async def row(context: CaseContext) -> str:
    """Return the owner's account."""
    return context.owner.id


async def many_rows(context: CaseContext) -> str:
    """Create 101 users, and return the owner's account, which has as many addresses."""
    for _ in range(101):
        await create_user(context.app)
    return context.owner.id


USER = EntityCase(
    name="User",
    plural="users",
    sample=sample,
    row=row,
    many_rows=many_rows,
    answer="email,username,full_name,status,role,email_verified_at,version",
    members={"addresses": FOR_THE_OWNER_AND_STAFF},
    # Of the customer's own account, which is active.
    open_actions={"customer": {"me_update", "me_close"}, "admin": {"user_role_set", "user_suspend"}},
    oracle=OracleCase(
        visible=lambda view, row: "users:read" in view.permissions or row["id"] == view.user_id,
        search_text=lambda view, row: f"{row['full_name']} {row['username'] or ''} {row['email']}",
    ),
    reads=(
        ReadCase("user_list", STAFF_ONLY, {"id,email,role": 1, "id,addresses{city}": 2}),
        ReadCase("user_get", OWNER_AND_STAFF, {"email,role": 1, "email,addresses{city}": 2}),
        # Every caller reads their own account: only the customer finds the customer here.
        ReadCase("me", OWNER, {"email,addresses{city}": 2}, path="/users/me"),
    ),
    writes=(
        WriteCase(
            "me_update",
            USERS,
            role="customer",
            path="/users/me",
            bodies=(lambda c: {"full_name": f"Name {c.mark}", "username": f"u{c.mark}"},),
            faults=(
                Fault({"username": "A B", "full_name": "bell\u0007"}, ("/full_name", "/username")),
                Fault({"full_name": "x" * 201}, ("/full_name",)),
            ),
        ),
        WriteCase(
            "user_role_set",
            ADMINS_ONLY,
            role="admin",
            path="/users/{0}/role",
            bodies=({"role": "moderator"},),
            no_fault="a role is an enum, so GraphQL rejects the whole document",
        ),
        WriteCase("user_suspend", ADMINS_ONLY, role="admin", path="/users/{0}/suspension"),
        WriteCase("user_restore", ADMINS_ONLY, role="admin", path="/users/{0}/restoration", status="suspended"),
    ),
)
