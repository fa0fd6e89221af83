"""What stands behind the shapes of the accounts. Later rooms add to users: orders, reviews."""

from datetime import datetime

from sqlalchemy import Text, bindparam

from tradepost.kit.query.engine import ONCE
from tradepost.kit.resource.filters import Sort, equal, ranged, searched
from tradepost.kit.resource.resource import Resource, Result

from . import policy
from .models import AddressRow, ApiKeyRow, UserRow, UserSearchRow
from .schemas import Address, ApiKey, Grant, Receipt, Role, TokenPair, User, UserStatus

users = Resource(
    User, UserRow, visible=policy.users, personal=True,
    filters={
        "email": equal(UserRow.email, bounded=True),
        "role": equal(UserRow.role, Role),
        "status": equal(UserRow.status, UserStatus),
        **ranged("created_at", UserRow.created_at, datetime),
        "q": searched(lambda bind: UserRow.id.in_(UserSearchRow.matching(bind)), doc="Words, each of which must begin a word of the names or the address."),
    },
    sorts={"created_at": Sort(by=UserRow.created_at), "email": Sort(by=UserRow.email)},
    actions={
        "me_update": policy.own_changes, "me_close": policy.own_changes, "user_role_set": policy.others,
        "user_suspend": policy.active_others, "user_restore": policy.suspended_others,
    },
)  # fmt: skip

addresses = Resource(
    Address, AddressRow, visible=policy.addresses, personal=True, sorts={"created_at": Sort(by=AddressRow.created_at)},
    actions={"address_replace": policy.address_changes, "address_update": policy.address_changes, "address_delete": policy.address_changes},
)  # fmt: skip

api_keys = Resource(
    ApiKey, ApiKeyRow, visible=policy.api_keys, personal=True, sealed={"secret"}, sorts={"created_at": Sort(by=ApiKeyRow.created_at)},
    filters={"prefix": equal(ApiKeyRow.prefix, bounded=True)},
    # No column holds it: it is what the call that makes a key has at hand, and null in every other.
    columns={"secret": bindparam(ONCE, None, type_=Text)},
    actions={"api_key_delete": policy.api_key_changes},
)  # fmt: skip

token_pairs = Result(TokenPair, personal=True, sealed={"access_token", "refresh_token"})
grants = Result(Grant, personal=True, sealed={"access_token", "refresh_token"})
receipts = Result(Receipt, personal=True)

users.has_many(
    "addresses",
    addresses,
    by=AddressRow.user_id,
    access=policy.look_after,
    doc="The own address book; that of others is empty.",
)
api_keys.has_one(
    "user", users, by=ApiKeyRow.user_id, doc="Its owner; null where it was made at the shop's own machine."
)
