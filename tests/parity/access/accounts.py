"""Who may do what with accounts. Every row belongs to the customer, whom the other customer knows nothing of."""

from tests.parity.access.table import (
    FOR_ADMINS,
    FOR_STAFF,
    FOR_THE_OWNER,
    FOR_THE_OWNER_AND_ADMINS,
    FOR_THE_OWNER_AND_STAFF,
    FOR_USERS,
    OPEN_TO_ALL,
    Place,
    Places,
    Row,
    Rule,
)
from tests.parity.harness import DualDoorApp
from tests.users import ShopUser

ANYBODY, OWN, OWNER = Rule(OPEN_TO_ALL), Rule(FOR_USERS), Rule(FOR_THE_OWNER)

TABLE: dict[str, Rule] = {
    "register": ANYBODY,
    "email_verify": ANYBODY,
    "email_verification_request": OWN,
    "email_change": OWN,
    "login": ANYBODY,
    "token_refresh": ANYBODY,
    "token_grant": ANYBODY,
    "logout": OWN,
    "logout_everywhere": OWN,
    "password_change": OWN,
    "password_reset": ANYBODY,
    "password_reset_confirm": ANYBODY,
    "user_list": Rule(FOR_STAFF),
    "user_get": Rule(FOR_THE_OWNER_AND_STAFF),
    # It shows everybody the own account: the customer is found there by nobody else.
    "me": OWNER,
    "me_update": OWN,
    "me_close": OWN,
    "user_role_set": Rule(FOR_ADMINS),
    "user_suspend": Rule(FOR_ADMINS),
    "user_restore": Rule(FOR_ADMINS),
    "address_list": OWNER,
    "address_get": OWNER,
    "address_create": OWN,
    "address_replace": OWNER,
    "address_update": OWNER,
    "address_delete": OWNER,
    "api_key_list": Rule(FOR_THE_OWNER_AND_ADMINS),
    "api_key_get": Rule(FOR_THE_OWNER_AND_ADMINS),
    "api_key_create": OWN,
    "api_key_delete": Rule(FOR_THE_OWNER_AND_ADMINS),
}

MEMBERS: dict[str, Row] = {"User.addresses": FOR_THE_OWNER_AND_STAFF}

# On the customer's own rows, which are active.
OPEN: dict[str, dict[str, set[str]]] = {
    "User": {"customer": {"me_update", "me_close"}, "admin": {"user_role_set", "user_suspend"}},
    "Address": {"customer": {"address_replace", "address_update", "address_delete"}},
    "ApiKey": {"customer": {"api_key_delete"}, "admin": {"api_key_delete"}},
}


async def places(harness: DualDoorApp, owner: ShopUser) -> Places:
    """The customer's account, an address of its book and a key of its own."""
    address, key = await owner.address(), await owner.key()
    me = Place(seeks=owner.id)
    return {
        "user_list": (Place(seeks=owner.id, filter=("email", owner.email)), None),
        "user_get": (Place(owner.id, owner.id), None),
        "me": (me, None),
        "address_list": (Place(seeks=address), None),
        "address_get": (Place(address, address), None),
        "api_key_list": (Place(seeks=key["id"], filter=("prefix", key["prefix"])), None),
        "api_key_get": (Place(key["id"], key["id"]), None),
    }
