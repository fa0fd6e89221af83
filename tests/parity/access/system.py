"""Who may look into the office."""

from tests.factories import unique
from tests.parity.access.table import FOR_AUDITORS, OPEN_TO_ALL, Place, Places, Row, Rule
from tests.parity.harness import DualDoorApp
from tests.users import ShopUser

TABLE: dict[str, Rule] = {
    "audit_list": Rule(FOR_AUDITORS), "audit_get": Rule(FOR_AUDITORS), "rate_limit": Rule(OPEN_TO_ALL), "price": Rule(OPEN_TO_ALL),
}  # fmt: skip

MEMBERS: dict[str, Row] = {}


async def places(harness: DualDoorApp, owner: ShopUser) -> Places:
    """The entry about a category that was just made; what a caller's own budget tells needs no row."""
    category = (await harness.staff.rest("POST", "/categories", json={"name": "Told", "slug": unique("told")})).json()[
        "id"
    ]
    [entry] = (await harness.staff.rest("GET", "/audit", params={"subject": category})).json()["data"]
    return {
        "audit_list": (Place(seeks=entry["id"], filter=("subject", category)), None), "audit_get": (Place(entry["id"], entry["id"]), None),
        "rate_limit": (Place(), None), "price": (Place(given={"url": "/v1/products"}), None),
    }  # fmt: skip
