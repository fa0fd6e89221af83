"""Who may look into the office."""

from tests.factories import unique
from tests.parity.access.table import FOR_AUDITORS, OPEN_TO_ALL, Place, Places, Row, Rule
from tests.parity.house import House
from tests.people import Person

TABLE: dict[str, Rule] = {
    "audit_list": Rule(FOR_AUDITORS), "audit_get": Rule(FOR_AUDITORS), "rate_limit": Rule(OPEN_TO_ALL), "price": Rule(OPEN_TO_ALL),
}  # fmt: skip

MEMBERS: dict[str, Row] = {}


async def places(house: House, owner: Person) -> Places:
    """The entry about a category that was just made; what a caller's own budget tells needs no row."""
    category = (await house.staff.rest("POST", "/categories", json={"name": "Told", "slug": unique("told")})).json()[
        "id"
    ]
    [entry] = (await house.staff.rest("GET", "/audit", params={"subject": category})).json()["data"]
    return {
        "audit_list": (Place(seeks=entry["id"], filter=("subject", category)), None), "audit_get": (Place(entry["id"], entry["id"]), None),
        "rate_limit": (Place(), None), "price": (Place(given={"url": "/v1/products"}), None),
    }  # fmt: skip
