"""Lists, search and `expand`."""

import re
from collections.abc import Sequence
from typing import Any

from .errors import ApiError, invalid, missing
from .ledger import Ledger
from .parameters import Parameters
from .store import Object

MAX_PAGE = 100
EXPANDABLE = (
    "balance_transaction", "charge", "failure_balance_transaction", "latest_charge", "payment_intent",
    "payment_method", "source",
)  # fmt: skip
PUBLIC_INTENT = (
    "id", "object", "amount", "amount_details", "automatic_payment_methods", "canceled_at", "cancellation_reason",
    "capture_method", "client_secret", "confirmation_method", "created", "currency", "description",
    "last_payment_error", "livemode", "next_action", "payment_method", "payment_method_types", "processing",
    "receipt_email", "setup_future_usage", "shipping", "status",
)  # fmt: skip
"""The members of a payment intent that a publishable key may read."""
COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
CLAUSE = re.compile(
    r"""(-?)(metadata\[["'](?P<key>[^"']+)["']\]|(?P<field>status|currency|amount|created))"""
    r"""(?P<sign>:|>=|<=|>|<)(?P<quote>["']?)(?P<value>[^"']*?)(?P=quote)(?=\s|$)"""
)


def list_objects(tx: Ledger, kind: str, parameters: Parameters, path: str, filters: Sequence[str] = ()) -> Object:
    """Return a page of objects, the newest first."""
    parameters.only("created", "limit", "starting_after", "ending_before", "expand", *filters)
    conditions, values = _created(parameters)
    for name in filters:
        if value := parameters.text(name):
            conditions.append(f"json_extract(data, '$.{name}') = ?")
            values.append(value)
    for name, sign in (("starting_after", "<"), ("ending_before", ">")):
        if object_id := parameters.text(name):
            conditions.append(f"sequence {sign} ?")
            values.append(_sequence(tx, kind, object_id, name))
    limit = _limit(parameters)
    # The page that ends before an object has the oldest of those that are newer.
    order = "ASC" if "ending_before" in parameters else "DESC"
    matches = tx.select(kind, " AND ".join(conditions), values, limit + 1, order=order)
    page = matches[:limit] if order == "DESC" else matches[:limit][::-1]
    return {"object": "list", "data": page, "has_more": len(matches) > limit, "url": path}


def _limit(parameters: Parameters) -> int:
    limit = parameters.integer("limit") or 10
    if limit > MAX_PAGE:
        raise invalid(f"Invalid limit: must be between 1 and {MAX_PAGE}.", "limit", "parameter_invalid_integer")
    return limit


def _created(parameters: Parameters) -> tuple[list[str], list[Any]]:
    if isinstance(parameters.values.get("created"), str):
        return ["created = ?"], [parameters.integer("created", 0)]
    created = parameters.inner("created")
    created.only(*COMPARISONS)
    return [f"created {COMPARISONS[name]} ?" for name in created.values], [
        created.integer(name, 0) for name in created.values
    ]


def _sequence(tx: Ledger, kind: str, object_id: str, param: str) -> int:
    row = tx.execute("SELECT sequence FROM object WHERE id = ? AND kind = ?", object_id, kind).fetchone()
    if row is None:
        raise missing(kind, object_id, param)
    return row[0]


def search_intents(tx: Ledger, parameters: Parameters) -> Object:
    """Find payment intents by metadata, status, currency, amount and time.

    As at Stripe, new objects are found only after some time, which the setting `search_lag` gives.
    """
    parameters.only("query", "limit", "page", "expand")
    conditions, values = _clauses(parameters.required_text("query"))
    newest = tx.now - (tx.setting("search_lag") or 0)
    limit, page = _limit(parameters), parameters.integer("page", 0) or 0
    where = " AND ".join(["created <= ?", *conditions])
    matches = tx.select("payment_intent", where, [newest, *values], (page + 1) * limit + 1)
    has_more = len(matches) > (page + 1) * limit
    return {
        "object": "search_result",
        "data": matches[page * limit : (page + 1) * limit],
        "has_more": has_more,
        "next_page": str(page + 1) if has_more else None,
        "url": "/v1/payment_intents/search",
    }


def _clauses(query: str) -> tuple[list[str], list[Any]]:
    conditions: list[str] = []
    values: list[Any] = []
    rest = re.sub(r"\s+AND\s+", " ", query.strip())
    while rest:
        match = CLAUSE.match(rest)
        if match is None:
            raise invalid("We were unable to parse your search query.", "query")
        sign = "=" if match["sign"] == ":" else match["sign"]
        conditions.append(f"{'NOT' if match[1] else ''} coalesce(json_extract(data, ?) {sign} ?, 0)")
        path = f'$.metadata."{match["key"]}"' if match["key"] else f"$.{match['field']}"
        is_number = match["field"] in ("amount", "created") and match["value"].isdecimal()
        values += [path, int(match["value"]) if is_number else match["value"]]
        rest = rest[match.end() :].lstrip()
    return conditions, values


def expand(tx: Ledger, item: Object, paths: Sequence[str]) -> Object:
    """Replace the ids at these paths with their objects."""
    for path in paths:
        _expand(tx, item, path.split("."), path)
    return item


def _expand(tx: Ledger, item: Object, path: Sequence[str], whole: str) -> None:
    name, *rest = path
    if name == "data" and isinstance(item.get("data"), list):
        for inner in item["data"]:
            _expand(tx, inner, rest, whole)
        return
    if name == "refunds" and item["object"] == "charge":
        path = f"/v1/charges/{item['id']}/refunds"
        item["refunds"] = list_objects(tx, "refund", Parameters({"charge": item["id"]}), path, ["charge"])
        return
    if name not in item or name not in EXPANDABLE:
        raise ApiError(f"This property cannot be expanded ({whole}).", param="expand", is_stored=False)
    if isinstance(item[name], str):
        item[name] = tx.find(item[name])
    if rest and item[name] is not None:
        _expand(tx, item[name], rest, whole)
