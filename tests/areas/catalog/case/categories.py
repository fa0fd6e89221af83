"""Categories: a tree that everyone sees."""

from tests.areas.catalog.case.values import DESCRIPTIONS, NAMES, PARENT_IDS, POSITIONS, SLUGS
from tests.factories import unique
from tests.parity.access.table import EDITORS, PUBLIC, Place
from tests.parity.case import CaseContext, EntityCase, Fault, OracleCase, ReadCase, Sample, WriteCase
from tests.parity.harness import UNKNOWN_SLUG

WITHOUT_NAME = Fault({"name": ""}, ("/name",))


async def sample(context: CaseContext) -> Sample:
    """Create a category with a parent. The keys include those of the demo shop."""
    parent = await context.create("/categories", {"name": "Zweig", "slug": unique("zweig")})
    body = {"name": "Ästchen", "slug": unique("ast"), "parent_id": parent["id"], "position": 3}
    child = await context.create("/categories", body)
    rows = (await context.read("/categories", limit="100"))["data"]
    parents = {row["parent_id"] for row in rows} - {None}
    branches = [row for row in rows if row["id"] in parents][:4] + rows[:2]
    ids, slugs = [row["id"] for row in branches], [row["slug"] for row in branches]
    return Sample(
        keys=[*ids, rows[-1]["slug"], UNKNOWN_SLUG],
        filter_values={"slug": slugs, "parent_id": ids, "root": [True, False]},
        shown={
            "category_list": Place(seeks=child["id"], filter=("slug", child["slug"])),
            "category_get": Place(child["id"], child["id"]),
            "category_children": Place(parent["id"], child["id"]),
        },
        rows={"parent": parent, "child": child},
    )


async def row(context: CaseContext) -> str:
    """Create a category with a parent."""
    parent = await context.create("/categories", {"name": f"Parent {context.mark}"})
    body = {"name": f"Row {context.mark}", "slug": f"row-{context.mark}", "description": "d", "parent_id": parent["id"]}
    return (await context.create("/categories", body))["id"]


async def many_rows(context: CaseContext) -> str:
    """Create a category with 60 categories below it."""
    parent = await context.create("/categories", {"name": "Roots", "slug": unique("roots")})
    for number in range(60):
        await context.create("/categories", {"name": f"Twig {number}", "parent_id": parent["id"]})
    return parent["id"]


CATEGORY = EntityCase(
    name="Category",
    plural="categories",
    sample=sample,
    row=row,
    many_rows=many_rows,
    answer="name,description,position,version,parent{name}",
    replayed="id,slug,parent{slug,links},children(first:2){id},version,links",
    oracle=OracleCase(
        order=("position", "name"),
        filters={"root": lambda view, row, value: (row["parent_id"] is None) == value},
        parents={"category_children": lambda view, row, key: row["parent_id"] == key},
    ),
    bad_values={
        "name": NAMES,
        "slug": SLUGS,
        "description": DESCRIPTIONS,
        "position": POSITIONS,
        "parent_id": PARENT_IDS,
    },
    reads=(
        ReadCase(
            "category_list",
            PUBLIC,
            {
                "id,parent{name}": 1,
                "children{id}": 2,
                "children(first:3){products(first:4){variants(first:5){id}}}": 4,
            },
        ),
        ReadCase("category_get", PUBLIC, {"id,products{id,variants{id}}": 3, "products(total:true){id}": 3}),
        ReadCase("category_children", PUBLIC, {"id,products{id}": 3}),
    ),
    writes=(
        WriteCase(
            "category_create",
            EDITORS,
            bodies=(lambda c: {"name": f"New {c.mark}", "position": 7, "description": "Some\nlines"},),
            faults=(WITHOUT_NAME,),
        ),
        WriteCase("category_replace", EDITORS, bodies=(lambda c: {"name": f"Other {c.mark}"},), faults=(WITHOUT_NAME,)),
        WriteCase(
            "category_update",
            EDITORS,
            bodies=({"position": 4},),
            json_patches=([{"op": "remove", "path": "/description"}],),
            faults=(Fault({"position": -1}, ("/position",)),),
        ),
        WriteCase("category_delete", EDITORS),
    ),
)
