"""Tags: a tag is visible if a visible product has it."""

from tests.areas.catalog.case.products import is_visible as is_product_visible
from tests.factories import Json
from tests.parity.access.table import DRAFTS_HIDDEN, Place
from tests.parity.case import CaseContext, EntityCase, OracleCase, OracleView, ReadCase, Sample, TableRow


async def sample(context: CaseContext) -> Sample:
    """Take the tags of the sample products."""
    tags = (await context.read("/tags", limit="100"))["data"]
    slugs = [tag["slug"] for tag in tags if tag["slug"].startswith(("only-", "shared"))]
    shown, hidden = [_places(context.samples["Product"].rows[name]) for name in ("shown", "hidden")]
    return Sample(
        keys=[*[tag["id"] for tag in tags[:4]], *slugs],
        filter_values={"slug": ["sale", "only-draft", "only-active"]},
        shown=shown,
        hidden=hidden,
    )


def _places(product: Json) -> dict[str, Place]:
    return {
        "tag_list": Place(seeks=product["own_tag"], filter=("slug", product["own_slug"])),
        "tag_get": Place(product["own_tag"], product["own_tag"]),
    }


async def many_rows(context: CaseContext) -> str:
    """Return the tag that 100 products have."""
    product = await context.read(f"/products/{context.keys['Product']}", fields="tags")
    return (await context.read(f"/tags/{product['tags'][0]}"))["id"]


def is_visible(view: OracleView, tag: TableRow) -> bool:
    """Whether a visible product has the tag."""
    return any(
        is_product_visible(view, view.row("product", link["product_id"]))
        for link in view.tables["product_tag"]
        if link["tag_id"] == tag["id"]
    )


TAG = EntityCase(
    name="Tag",
    plural="tags",
    sample=sample,
    many_rows=many_rows,
    oracle=OracleCase(visible=is_visible, order=("slug",), tables=("product_tag",)),
    reads=(
        ReadCase("tag_list", DRAFTS_HIDDEN, {"slug,product_count": 1, "products{name}": 2}),
        ReadCase("tag_get", DRAFTS_HIDDEN, {"slug,product_count,products{id}": 2}),
    ),
)
