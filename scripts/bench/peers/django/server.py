"""Django REST framework on gunicorn: Django's own connection pool, `select_related`, `prefetch_related`, orjson as the renderer."""

import os
import sys
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
from django.db import models  # noqa: E402
from django.db.models import Prefetch  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework import generics, serializers  # noqa: E402
from rest_framework.parsers import JSONParser  # noqa: E402
from rest_framework.renderers import BaseRenderer  # noqa: E402
from rest_framework.response import Response  # noqa: E402

P = ("id", "slug", "name", "description", "status", "attributes", "tags", "price_from", "rating_count", "rating_average", "created_at", "updated_at", "version")


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
    rating_count, rating_sum, version = models.IntegerField(default=0), models.IntegerField(default=0), models.IntegerField(default=1)
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
    sku, name, price_currency = models.TextField(), models.TextField(), models.TextField()
    options = Json()
    price_amount, position = models.BigIntegerField(), models.IntegerField()

    class Meta(Table.Meta):
        abstract, db_table = False, "variant"


class CategoryOut(serializers.ModelSerializer):
    class Meta:
        model, fields = Category, ("id", "slug", "name")


class ProductOut(serializers.ModelSerializer):
    price_from, rating_average = serializers.SerializerMethodField(), serializers.SerializerMethodField()

    class Meta:
        model, fields = Product, P

    def get_price_from(self, p):
        return None if p.price_from_amount is None else {"amount": p.price_from_amount, "currency": p.price_from_currency}

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


class Varied(Many):
    queryset, serializer_class = newest.prefetch_related(Prefetch("variants", Variant.objects.order_by("position", "id"))), VariedOut


class Shelves(Many):
    queryset = Category.objects.order_by("position", "name", "id").prefetch_related(Prefetch("products", newest[:5], to_attr="shown"))
    serializer_class = ShelfOut


urlpatterns = [
    path("products/<uuid:id>", One.as_view()),
    path("products", Listed.as_view()),
    path("products-with-variants", Varied.as_view()),
    path("categories", Shelves.as_view()),
]
sys.modules.setdefault("server", sys.modules[__name__])
app = get_wsgi_application()
