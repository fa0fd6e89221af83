"""Addresses: only the owner sees them."""

from tests.parity.access.table import OWNER, USERS, Place
from tests.parity.case import CaseContext, EntityCase, Fault, OracleCase, ReadCase, Sample, WriteCase
from tests.users import ADDRESS
from tradepost.areas.accounts.models import AddressRow


async def sample(context: CaseContext) -> Sample:
    """Create addresses of the owner, and of another user."""
    people = [context.owner] * 4 + [context.samples["User"].rows["other"]] * 2
    ids = [
        await person.address(city=f"City {number}", phone=None if number % 2 else "+4587654321")
        for number, person in enumerate(people)
    ]
    return Sample(keys=ids, shown={"address_list": Place(seeks=ids[0]), "address_get": Place(ids[0], ids[0])})


async def row(context: CaseContext) -> str:
    """Create an address of the owner."""
    return await context.owner.address()


async def many_rows(context: CaseContext) -> str:
    """Create more than a page of addresses of the owner."""
    async with context.app.state.database.transaction() as session:
        session.add_all([AddressRow(user_id=context.owner.id, **ADDRESS) for _ in range(101)])
    return await context.owner.address()


ADDRESSES = EntityCase(
    name="Address",
    plural="addresses",
    path="/users/me/addresses",
    sample=sample,
    row=row,
    many_rows=many_rows,
    answer="name,company,lines,city,postcode,region,country,phone,version",
    open_actions={"customer": {"address_replace", "address_update", "address_delete"}},
    oracle=OracleCase(visible=lambda view, row: row["user_id"] == view.user_id),
    reads=(
        ReadCase("address_list", OWNER, {"id,lines": 1}),
        ReadCase("address_get", OWNER, {"city": 1}),
    ),
    writes=(
        WriteCase(
            "address_create",
            USERS,
            role="customer",
            bodies=(lambda c: ADDRESS | {"name": f"Name {c.mark}"},),
            faults=(
                Fault(
                    {"name": "", "lines": [], "city": "a\nb", "country": "dk"},
                    ("/city", "/country", "/lines", "/name"),
                ),
                Fault(ADDRESS | {"country": "ZZ"}, ("/country",)),
            ),
        ),
        WriteCase(
            "address_replace",
            OWNER,
            role="customer",
            bodies=({"name": "Sam Holm", "lines": ["Havnegade 1"], "city": "Odense", "country": "DK"},),
            faults=(Fault(ADDRESS | {"lines": ["x"] * 5, "region": "DK-82"}, ("/lines", "/region")),),
        ),
        WriteCase(
            "address_update",
            OWNER,
            role="customer",
            bodies=({"city": "Odense", "phone": None, "region": "83"},),
            faults=(
                Fault({"phone": "12", "postcode": "x" * 21, "company": "x\ny"}, ("/company", "/phone", "/postcode")),
                Fault({"country": "XA"}, ("/country",)),
            ),
        ),
        WriteCase("address_delete", OWNER, role="customer"),
    ),
)
