"""Django REST framework on gunicorn: Django's own connection pool, `select_related`, `prefetch_related`, orjson as the renderer."""

import os
import sys
import time
import uuid
from urllib.parse import parse_qs, urlsplit

import django
import orjson
from django.conf import settings

url = urlsplit(os.environ["DATABASE_URL"])
settings.configure(
    ALLOWED_HOSTS=["*"],
    SECRET_KEY="a secret of a measurement, which everybody may know",  # noqa: S106
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    INSTALLED_APPS=["rest_framework"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql", "NAME": url.path[1:], "USER": url.username, "HOST": parse_qs(url.query)["host"][0],
            "OPTIONS": {"pool": {"min_size": 2, "max_size": 10}},
        }
    },
    REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": [], "DEFAULT_PERMISSION_CLASSES": [], "UNAUTHENTICATED_USER": None},
)  # fmt: skip
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import models, transaction  # noqa: E402
from django.db.models import Prefetch  # noqa: E402
from django.urls import path  # noqa: E402
from django.utils import timezone  # noqa: E402
from rest_framework import generics, serializers  # noqa: E402
from rest_framework.parsers import JSONParser  # noqa: E402
from rest_framework.renderers import BaseRenderer  # noqa: E402
from rest_framework.response import Response  # noqa: E402

P = (
    "id",
    "slug",
    "name",
    "description",
    "status",
    "attributes",
    "tags",
    "price_from",
    "rating_count",
    "rating_average",
    "created_at",
    "updated_at",
    "version",
)


class Orjson(BaseRenderer):
    media_type, format = "application/json", "json"

    def render(self, data, accepted_media_type=None, renderer_context=None):
        return orjson.dumps(data)


class Table(models.Model):
    id = models.UUIDField(primary_key=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        abstract, managed, app_label = True, False, "shop"


class Category(Table):
    slug, name, description = models.TextField(), models.TextField(), models.TextField()
    position = models.IntegerField()

    class Meta(Table.Meta):
        abstract, db_table = False, "category"


class Json(models.JSONField):
    """`json` columns, which psycopg has read already; Django expects the text of `jsonb`."""

    def from_db_value(self, value, expression, connection):
        return orjson.loads(value) if isinstance(value, str) else value


class Product(Table):
    slug, name, description, status = models.TextField(), models.TextField(), models.TextField(), models.TextField()
    attributes, tags = Json(), Json()
    price_from_amount = models.BigIntegerField(null=True)
    price_from_currency = models.TextField(null=True)
    rating_count, rating_sum, version = (
        models.IntegerField(default=0),
        models.IntegerField(default=0),
        models.IntegerField(default=1),
    )
    category = models.ForeignKey(Category, models.SET_NULL, null=True)
    categories = models.ManyToManyField(Category, through="Place", related_name="products")

    class Meta(Table.Meta):
        abstract, db_table = False, "product"


class Place(Table):
    product, category = models.ForeignKey(Product, models.CASCADE), models.ForeignKey(Category, models.CASCADE)

    class Meta(Table.Meta):
        abstract, db_table = False, "product_category"


class Variant(Table):
    product = models.ForeignKey(Product, models.CASCADE, related_name="variants")
    sku, name, price_currency, options_key, tax_class = (
        *[models.TextField() for _ in range(4)],
        models.TextField(default="standard"),
    )
    options, attributes = Json(), Json(default=dict)
    price_amount, position, version = models.BigIntegerField(), models.IntegerField(), models.IntegerField(default=1)
    track_inventory, allow_backorder = models.BooleanField(default=True), models.BooleanField(default=False)

    class Meta(Table.Meta):
        abstract, db_table = False, "variant"


class Outbox(Table):
    type, request_id, subject, data = models.TextField(), models.TextField(), models.UUIDField(), Json()
    due_at, attempts = models.DateTimeField(), models.IntegerField(default=0)

    class Meta(Table.Meta):
        abstract, db_table = False, "outbox_event"


class Audit(Table):
    type, request_id, subject, data = models.TextField(), models.TextField(), models.UUIDField(), Json()
    role, door, operation = models.TextField(), models.TextField(), models.TextField()

    class Meta(Table.Meta):
        abstract, db_table = False, "audit_entry"


class CategoryOut(serializers.ModelSerializer):
    class Meta:
        model, fields = Category, ("id", "slug", "name")


class ProductOut(serializers.ModelSerializer):
    price_from, rating_average = serializers.SerializerMethodField(), serializers.SerializerMethodField()

    class Meta:
        model, fields = Product, P

    def get_price_from(self, p):
        return (
            None if p.price_from_amount is None else {"amount": p.price_from_amount, "currency": p.price_from_currency}
        )

    def get_rating_average(self, p):
        return round(p.rating_sum / p.rating_count, 2) if p.rating_count else None


class ListedOut(ProductOut):
    category = CategoryOut()

    class Meta(ProductOut.Meta):
        fields = (*P, "category")


class VariantOut(serializers.ModelSerializer):
    price = serializers.SerializerMethodField()

    class Meta:
        model, fields = Variant, ("id", "sku", "name", "options", "price", "position")

    def get_price(self, v):
        return {"amount": v.price_amount, "currency": v.price_currency}


class VariedOut(ProductOut):
    variants = VariantOut(many=True)

    class Meta(ProductOut.Meta):
        fields = (*P, "variants")


class MoneyIn(serializers.Serializer):
    amount, currency = serializers.IntegerField(min_value=0), serializers.CharField(max_length=3)


class VariantIn(serializers.Serializer):
    sku, options, price = serializers.CharField(), serializers.DictField(child=serializers.CharField()), MoneyIn()


class ProductIn(serializers.Serializer):
    name, slug, description, status = (
        serializers.CharField(),
        serializers.CharField(),
        serializers.CharField(),
        serializers.CharField(),
    )
    attributes, tags = serializers.DictField(), serializers.ListField(child=serializers.CharField())
    variants = VariantIn(many=True)

    def create(self, given):
        """The product, its variants, and an event and an audit entry for each, by one statement for each table."""
        moment, variants = timezone.now(), given.pop("variants")
        times = {"created_at": moment, "updated_at": moment}
        cheapest = min((v["price"] for v in variants), key=lambda price: price["amount"])
        product = Product(
            id=new_id(),
            price_from_amount=cheapest["amount"],
            price_from_currency=cheapest["currency"],
            **given,
            **times,
        )
        rows = [
            Variant(
                id=new_id(), product=product, position=i, sku=v["sku"], name=" / ".join(v["options"].values()), options=v["options"],
                options_key=str(sorted(v["options"].items())), price_amount=v["price"]["amount"], price_currency=v["price"]["currency"], **times,
            )
            for i, v in enumerate(variants)
        ]  # fmt: skip
        told = [
            ("product.created", product.id, {}),
            *[("variant.created", v.id, {"product_id": str(product.id)}) for v in rows],
        ]
        told = [{"type": t, "subject": s, "data": d, "request_id": str(product.id), **times} for t, s, d in told]
        with transaction.atomic():
            product.save(force_insert=True)
            Variant.objects.bulk_create(rows)
            Outbox.objects.bulk_create([Outbox(id=new_id(), due_at=moment, **t) for t in told])
            Audit.objects.bulk_create(
                [Audit(id=new_id(), role="staff", door="rest", operation="product_create", **t) for t in told]
            )
        return product


def new_id():
    """UUIDv7: its first 48 bits are the time, so that indexes grow at their end, as the shop's do."""
    chance = uuid.uuid4().int
    return uuid.UUID(
        int=(time.time_ns() // 1_000_000) << 80
        | 7 << 76
        | (chance >> 64 & 0xFFF) << 64
        | 2 << 62
        | chance & (1 << 62) - 1
    )


class ShownOut(ProductOut):
    class Meta(ProductOut.Meta):
        fields = ("id", "slug", "name", "price_from")


class ShelfOut(serializers.ModelSerializer):
    products = ShownOut(many=True, source="shown")

    class Meta:
        model, fields = Category, ("id", "slug", "name", "description", "products")


active = Product.objects.filter(status="active")
newest = active.order_by("-created_at", "-id")


class View(generics.GenericAPIView):
    renderer_classes, parser_classes = (Orjson,), (JSONParser,)


class One(View, generics.RetrieveAPIView):
    queryset, serializer_class, lookup_field = active, ProductOut, "id"


class Many(View):
    def get(self, request):
        found = self.get_queryset()[: int(request.query_params.get("limit", 20))]
        return Response({"data": self.get_serializer(found, many=True).data})


class Listed(Many):
    queryset, serializer_class = newest.select_related("category"), ListedOut

    def post(self, request):
        given = ProductIn(data=request.data)
        given.is_valid(raise_exception=True)
        return Response(ProductOut(given.save()).data, 201)


class Varied(Many):
    queryset, serializer_class = (
        newest.prefetch_related(Prefetch("variants", Variant.objects.order_by("position", "id"))),
        VariedOut,
    )


class Shelves(Many):
    queryset = Category.objects.order_by("position", "name", "id").prefetch_related(
        Prefetch("products", newest[:5], to_attr="shown")
    )
    serializer_class = ShelfOut


urlpatterns = [
    path("products/<uuid:id>", One.as_view()),
    path("products", Listed.as_view()),
    path("products-with-variants", Varied.as_view()),
    path("categories", Shelves.as_view()),
]
sys.modules.setdefault("server", sys.modules[__name__])
app = get_wsgi_application()
