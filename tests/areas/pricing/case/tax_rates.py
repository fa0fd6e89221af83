"""Tax rates: only callers that may change them see them."""

from tests.factories import unique
from tests.parity.access.table import STAFF_ONLY, Place
from tests.parity.case import CaseContext, EntityCase, Fault, OracleCase, ReadCase, Sample, WriteCase

UNKNOWN_ID = "01890a5d-ac96-774b-bcce-b302099a8014"
NOT_A_RATE = Fault({"country": "DE", "percentage": "1,5", "tax_class": "standard"}, ("/percentage",))
UNKNOWN_COUNTRY = Fault({"country": "XX", "percentage": "19", "tax_class": "standard"}, ("/country",))


def tax_class(context: CaseContext) -> str:
    """Return a tax class that no other row has."""
    return f"class-{context.mark}"


async def sample(context: CaseContext) -> Sample:
    """Create an active rate, an inactive one, and one of a region."""
    name = unique("reduced")
    bodies = (
        {"country": "DE", "percentage": "7", "tax_class": name},
        {"country": "AT", "percentage": "8.875", "tax_class": name, "active": False},
        {"country": "US", "region": "CA", "percentage": "7.2500", "tax_class": name},
    )
    shown, inactive, regional = [await context.create("/tax-rates", body) for body in bodies]
    filter = ("tax_class", name)
    return Sample(
        keys=[shown["id"], inactive["id"], regional["id"], UNKNOWN_ID],
        filter_values={"country": ["DE", "AT", "FR"], "tax_class": [name, "standard"], "active": [True, False]},
        shown={
            "tax_rate_list": Place(seeks=shown["id"], filter=filter),
            "tax_rate_get": Place(shown["id"], shown["id"]),
        },
    )


async def row(context: CaseContext) -> str:
    """Create a rate of a class of its own."""
    return (await context.create("/tax-rates", {"country": "DE", "percentage": "19", "tax_class": tax_class(context)}))[
        "id"
    ]


TAX_RATE = EntityCase(
    name="TaxRate",
    plural="tax_rates",
    sample=sample,
    row=row,
    answer="country,region,percentage,active,version",
    oracle=OracleCase(visible=lambda view, row: "pricing:write" in view.permissions, order=("country", "tax_class")),
    bad_values={
        "country": ["DE", "XX", "de", ""],
        "region": [None, "CA", "California", ""],
        "tax_class": ["Standard", ""],
        "percentage": ["19", "8.875", "100", "100.0001", "1.23456", "-1", "", "1,5", "1."],
        "active": [True, False, None],
    },
    reads=(
        ReadCase("tax_rate_list", STAFF_ONLY, {"id,percentage": 1}),
        ReadCase("tax_rate_get", STAFF_ONLY, {"country,percentage,version": 1}),
    ),
    writes=(
        WriteCase(
            "tax_rate_create",
            STAFF_ONLY,
            bodies=(
                lambda c: {"country": "FR", "percentage": "5.5", "tax_class": tax_class(c)},
                lambda c: {"country": "US", "region": "CA", "percentage": "7.25", "tax_class": tax_class(c)},
            ),
            faults=(
                UNKNOWN_COUNTRY,
                Fault({"country": "DE", "percentage": "1,5", "tax_class": "standard"}, ("/percentage",)),
            ),
        ),
        WriteCase(
            "tax_rate_replace",
            STAFF_ONLY,
            bodies=(lambda c: {"country": "FR", "percentage": "20", "tax_class": tax_class(c), "active": False},),
            faults=(UNKNOWN_COUNTRY,),
        ),
        WriteCase(
            "tax_rate_update",
            STAFF_ONLY,
            bodies=({"percentage": "16"},),
            json_patches=([{"op": "replace", "path": "/percentage", "value": "16.5"}],),
            faults=(Fault({"percentage": "101"}, ("/percentage",)),),
        ),
        WriteCase("tax_rate_delete", STAFF_ONLY),
    ),
)
