"""The resources of accounts. Later areas add to users: orders, reviews."""

from datetime import datetime

from sqlalchemy import Text, bindparam

from tradepost.kit.query.engine import ONE_TIME_SECRET
from tradepost.kit.resource.filters import Sort, equality_filter, range_filters, search_filter
from tradepost.kit.resource.resource import Resource, Result
from tradepost.kit.resource.transitions import Transitions

from . import policy
from .models import AddressRow, ApiKeyRow, UserRow, UserSearchRow
from .schemas import Acknowledgement, Address, ApiKey, Role, TokenPair, TokenResponse, User, UserStatus

users = Resource(
    User,
    UserRow,
    visible=policy.users,
    personal=True,
    filters={
        "email": equality_filter(UserRow.email, bounded=True),
        "role": equality_filter(UserRow.role, Role),
        "status": equality_filter(UserRow.status, UserStatus),
        **range_filters("created_at", UserRow.created_at, datetime),
        "q": search_filter(
            lambda bind: UserRow.id.in_(UserSearchRow.select_matching_ids(bind)),
            doc="Search the names and the e-mail address. Each word must be the start of a word in them.",
        ),
    },
    sorts={"created_at": Sort(expression=UserRow.created_at), "email": Sort(expression=UserRow.email)},
    actions={
        "me_update": policy.writable_own_account,
        "me_close": policy.writable_own_account,
        "user_role_set": policy.manageable_accounts,
        "user_suspend": policy.manageable_accounts,
        "user_restore": policy.manageable_accounts,
    },
    transitions=Transitions(
        UserRow.status, {"user_suspend": (("active",), "suspended"), "user_restore": (("suspended",), "active")}
    ),
)

addresses = Resource(
    Address,
    AddressRow,
    visible=policy.addresses,
    personal=True,
    sorts={"created_at": Sort(expression=AddressRow.created_at)},
    actions={
        "address_replace": policy.writable_addresses,
        "address_update": policy.writable_addresses,
        "address_delete": policy.writable_addresses,
    },
)

api_keys = Resource(
    ApiKey,
    ApiKeyRow,
    visible=policy.api_keys,
    personal=True,
    secret_members={"secret"},
    sorts={"created_at": Sort(expression=ApiKeyRow.created_at)},
    filters={"prefix": equality_filter(ApiKeyRow.prefix, bounded=True)},
    # Not a column: the call that creates the key binds its secret, every other call binds null.
    expressions={"secret": bindparam(ONE_TIME_SECRET, None, type_=Text)},
    actions={"api_key_delete": policy.revocable_api_keys},
)

token_pairs = Result(TokenPair, personal=True, secret_members={"access_token", "refresh_token"})
token_responses = Result(TokenResponse, personal=True, secret_members={"access_token", "refresh_token"})
acknowledgements = Result(Acknowledgement, personal=True)

users.has_many(
    "addresses",
    addresses,
    join=AddressRow.user_id,
    access=policy.read_own_account,
    doc="The user's addresses. Empty for every user but yourself.",
)
api_keys.has_one(
    "user", users, join=ApiKeyRow.user_id, doc="The owner of the key; null if it was created on the command line."
)
