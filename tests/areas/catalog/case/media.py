"""Images of products: hidden with their product. No operation creates one yet."""

from tests.areas.catalog.case.product_rows import products_hidden_first
from tests.areas.catalog.case.products import is_visible as is_product_visible
from tests.factories import Json, make_media
from tests.parity.access.table import DRAFTS_HIDDEN, Place
from tests.parity.case import CaseContext, EntityCase, OracleCase, ReadCase, Sample


async def sample(context: CaseContext) -> Sample:
    """Take the images of the sample products."""
    images = [image for product in await products_hidden_first(context) for image in product["media"]][:9]
    shown, hidden = [_places(context.samples["Product"].rows[name]) for name in ("shown", "hidden")]
    return Sample(
        keys=[image["id"] for image in images],
        filter_values={"status": ["remote", "stored", "failed"]},
        shown=shown,
        hidden=hidden,
    )


def _places(product: Json) -> dict[str, Place]:
    return {
        "media_list": Place(product["id"], product["media"]),
        "media_get": Place(product["media"], product["media"]),
    }


async def many_rows(context: CaseContext) -> str:
    """Create 60 images of one product."""
    product = context.keys["Product"]
    rows = [(await make_media(context.app, product, position=i // 2))["id"] for i in range(60)]
    return rows[0]


MEDIA = EntityCase(
    name="Media",
    plural="media",
    sample=sample,
    many_rows=many_rows,
    oracle=OracleCase(
        visible=lambda view, row: is_product_visible(view, view.row("product", row["product_id"])),
        order=("position",),
        parents={"media_list": lambda view, row, key: row["product_id"] == key},
    ),
    reads=(
        ReadCase("media_list", DRAFTS_HIDDEN, {"id,product{name,media{id}}": 3}),
        ReadCase("media_get", DRAFTS_HIDDEN, {"status,product{name}": 1}),
    ),
)
