"""Flask + SQLAlchemy on gunicorn: a pool, eager loading, orjson as Flask's JSON provider."""

import os
from collections import defaultdict

import orjson
import tables
from flask import Flask, abort, request
from flask.json.provider import JSONProvider
from sqlalchemy import create_engine, select
from sqlalchemy.orm import sessionmaker

engine = create_engine(
    os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://"), pool_size=10, max_overflow=0
)
sessions = sessionmaker(engine, expire_on_commit=False)
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
V = ("id", "sku", "name", "options", "price", "position")


class Orjson(JSONProvider):
    """As Flask's documentation shows for another library."""

    def dumps(self, obj, **_):
        return orjson.dumps(obj).decode()

    def loads(self, s, **_):
        return orjson.loads(s)

    def response(self, *args, **kwargs):
        return self._app.response_class(
            orjson.dumps(self._prepare_response_obj(args, kwargs)), mimetype="application/json"
        )


app = Flask(__name__)
app.json = Orjson(app)


def of(row, names):
    return {name: getattr(row, name) for name in names}


@app.get("/products/<uuid:id>")
def product(id):
    with sessions() as session:
        found = session.scalar(select(tables.Product).where(tables.Product.id == id, tables.Product.status == "active"))
        return app.json.response(of(found, P)) if found else abort(404)


@app.get("/products")
def products():
    with sessions() as session:
        found = session.scalars(tables.listed(request.args.get("limit", 20, int)))
        return app.json.response(
            data=[
                of(p, P) | {"category": of(p.category, ("id", "slug", "name")) if p.category else None} for p in found
            ]
        )


@app.get("/products-with-variants")
def products_with_variants():
    with sessions() as session:
        found = session.scalars(tables.varied(request.args.get("limit", 20, int)))
        return app.json.response(data=[of(p, P) | {"variants": [of(v, V) for v in p.variants]} for p in found])


@app.get("/categories")
def categories():
    with sessions() as session:
        found = session.scalars(tables.categories(request.args.get("limit", 20, int))).all()
        grouped = defaultdict(list)
        for id, shown in session.execute(tables.shelves([c.id for c in found], 5)):
            grouped[id].append(of(shown, ("id", "slug", "name", "price_from")))
        return app.json.response(
            data=[of(c, ("id", "slug", "name", "description")) | {"products": grouped[c.id]} for c in found]
        )


@app.post("/products")
def create():
    made, rows = tables.made(request.get_json())
    with sessions() as session:
        session.add_all([made, *rows])
        session.commit()
        return app.json.response(of(made, P)), 201
