"""A product with everything around it, and all reads that may return any of it."""

from tests.areas.catalog.case.product_rows import complete_product
from tests.factories import make_media
from tests.parity.cacheable_reads import Get, graphql_get
from tests.parity.case import CaseContext, new_mark
from tests.parity.harness import DualDoorApp, Json


class Scene:
    """A product with everything that belongs to it, and every read that may return any of it."""

    def __init__(
        self, harness: DualDoorApp, product: Json, category: Json, parent: Json, brand: Json, media: str
    ) -> None:
        self.harness, self.product, self.category, self.parent = harness, product, category, parent
        self.keys = {
            "Product": product["id"],
            "Variant": product["variants"][0]["id"],
            "Category": category["id"],
            "Brand": brand["id"],
        }
        self.media, self.tag = media, product["tags"][0]
        self.reads = [*[Get(f"/v1{path}") for path in self.paths()], graphql_get(f"{{ {self.document()} }}")]

    def paths(self) -> list[str]:
        """Return REST reads of the product and of everything around it."""
        id, slug, category, parent = self.product["id"], self.product["slug"], self.category["id"], self.parent["id"]
        relations = "category{name,parent{name}},brand{name},categories{name},variants{sku,product{name}},media{id}"
        return [
            f"/products/{id}",
            f"/products/{slug}",
            f"/products/{id}/variants",
            f"/products/{id}/media",
            f"/products?category={self.category['slug']}",
            f"/products?tag={self.tag}",
            f"/products?slug={slug}",
            "/products?q=whole&include=total&limit=5",
            "/products?limit=5",
            f"/variants/{self.keys['Variant']}",
            f"/media/{self.media}?fields=id,product{{name}}",
            f"/categories/{category}?fields=name,version,parent{{name}},products{{name,variants{{sku}}}}",
            f"/categories/{self.category['slug']}",
            f"/categories/{parent}/children",
            f"/categories/{category}/products",
            "/categories?limit=100",
            f"/brands/{self.keys['Brand']}?fields=name,version,products{{name}}",
            f"/brands/{self.keys['Brand']}/products",
            f"/tags/{self.tag}?fields=slug,product_count",
            f"/tags/{self.tag}/products",
            "/tags?fields=slug,product_count&limit=100",
            f"/products/{id}?fields=id,name,version,tags,{relations}",
        ]

    def document(self) -> str:
        """Return the same reads as GraphQL fields."""
        id, slug, category, parent = self.product["id"], self.product["slug"], self.category["id"], self.parent["id"]
        return f"""
          a: product(id: "{id}") {{
            name version tags category {{ name parent {{ name }} }} brand {{ name }} categories {{ name }}
            variants {{ sku }} media {{ id }}
          }}
          b: product(slug: "{slug}") {{ name status }}
          c: products(first: 5, filter: {{ category: "{self.category["slug"]}" }}) {{ nodes {{ name }} totalCount }}
          d: variant(id: "{self.keys["Variant"]}") {{ sku product {{ name priceFrom {{ amount }} }} }}
          e: productVariants(productId: "{id}") {{ nodes {{ sku version }} }}
          f: category(id: "{category}") {{
            name version parent {{ name }} products {{ nodes {{ name variants {{ sku }} }} }}
          }}
          g: categoryChildren(categoryId: "{parent}") {{ nodes {{ name }} }}
          h: tag(slug: "{self.tag}") {{ productCount products {{ nodes {{ name }} }} }}
          i: media(id: "{self.media}") {{ product {{ name }} }}
          j: tags(first: 100) {{ nodes {{ slug productCount }} }}
          k: categories(first: 100) {{ nodes {{ name }} }}
          l: node(id: "{id}") {{
            ... on Product {{ name status category {{ name }} variants {{ sku }} }}
          }}
          m: nodes(ids: ["{self.keys["Variant"]}", "{category}", "{self.media}"]) {{
            ... on Variant {{ version product {{ name }} }}
            ... on Category {{ version products {{ nodes {{ name }} }} }}
            ... on Media {{ product {{ name }} }}
          }}
          n: nodes(ids: ["{id}", "{parent}"]) {{
            ... on Product {{ version tags }}
            ... on Category {{ name children {{ nodes {{ name }} }} }}
          }}
          o: brand(id: "{self.keys["Brand"]}") {{ name version products {{ nodes {{ name }} }} }}
        """

    @classmethod
    async def create(cls, harness: DualDoorApp) -> "Scene":
        """Create a scene of its own for a test."""
        mark, context = new_mark(), CaseContext(harness.app, harness.staff, harness.customer.user)
        parent = await context.create("/categories", {"name": f"Parent {mark}"})
        category = await context.create("/categories", {"name": f"Inner {mark}", "parent_id": parent["id"]})
        brand = await context.create("/brands", {"name": f"Brand {mark}"})
        body = complete_product(mark) | {
            "category_id": category["id"],
            "brand_id": brand["id"],
            "tags": [f"t-{mark}", "shared"],
        }
        product = await context.create("/products", body, fields="id,slug,tags,variants{id}")
        media = await make_media(harness.app, product["id"])
        return cls(harness, product, category, parent, brand, media["id"])
