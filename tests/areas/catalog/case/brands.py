"""Brands: everyone sees them, and the products of a brand that they may see."""

from tests.areas.catalog.case.values import DESCRIPTIONS, NAMES, SLUGS
from tests.factories import unique
from tests.parity.access.table import EDITORS, PUBLIC, Place
from tests.parity.case import CaseContext, EntityCase, Fault, OracleCase, ReadCase, Sample, WriteCase
from tests.parity.harness import UNKNOWN_SLUG

WITHOUT_NAME = Fault({"name": ""}, ("/name",))


async def sample(context: CaseContext) -> Sample:
    """Create two brands; the products of the first are created with the sample products."""
    names = ("Ébène", "Kjeld & Søn")
    brands = [await context.create("/brands", {"name": name, "slug": unique("brand")}) for name in names]
    return Sample(
        keys=[*[brand["id"] for brand in brands], brands[1]["slug"], UNKNOWN_SLUG],
        filter_values={"slug": [*[brand["slug"] for brand in brands], "none"]},
        shown={
            "brand_list": Place(seeks=brands[0]["id"], filter=("slug", brands[0]["slug"])),
            "brand_get": Place(brands[0]["id"], brands[0]["id"]),
        },
        rows={"brand": brands[0]},
    )


async def row(context: CaseContext) -> str:
    """Create a brand without products."""
    body = {"name": f"Row {context.mark}", "slug": f"brand-{context.mark}", "description": "d"}
    return (await context.create("/brands", body))["id"]


BRAND = EntityCase(
    name="Brand",
    plural="brands",
    sample=sample,
    row=row,
    answer="name,description,version",
    replayed="id,slug,a:name,products(first:2){id},version,links",
    oracle=OracleCase(order=("name",)),
    bad_values={"name": NAMES, "slug": SLUGS, "description": DESCRIPTIONS},
    reads=(
        ReadCase("brand_list", PUBLIC, {"id,name": 1, "slug,products(first:3){id}": 2}),
        ReadCase("brand_get", PUBLIC, {"slug": 1, "name,products(total:true){name}": 3}),
    ),
    writes=(
        WriteCase(
            "brand_create",
            EDITORS,
            bodies=(lambda c: {"name": f"New {c.mark}", "description": "Some\nlines"},),
            faults=(WITHOUT_NAME,),
        ),
        WriteCase("brand_replace", EDITORS, bodies=(lambda c: {"name": f"Other {c.mark}"},), faults=(WITHOUT_NAME,)),
        WriteCase(
            "brand_update",
            EDITORS,
            bodies=({"description": "Other words"},),
            json_patches=([{"op": "remove", "path": "/description"}],),
            faults=(Fault({"slug": "No"}, ("/slug",)),),
        ),
        WriteCase("brand_delete", EDITORS),
    ),
)
