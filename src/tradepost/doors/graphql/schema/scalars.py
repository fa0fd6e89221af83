"""Custom scalars. They pass values through: the same code validates them as for REST."""

from datetime import datetime
from math import isfinite
from typing import Any, NewType

import strawberry
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition

from tradepost.kit.quoting import quote
from tradepost.kit.schema.fault_texts import minor_units
from tradepost.kit.schema.numbers import whole_number

BigInt = NewType("BigInt", int)


def _unchanged(value: Any) -> Any:
    return value


def _is_decimal(value: Any) -> bool:
    return type(value) is float and isfinite(value) and abs(value) < 2**53


def _parse_big_int(value: Any) -> int:
    value = whole_number(value)
    if type(value) is not int or not -(2**63) <= value < 2**63:
        hint = f" (amounts are in minor units: {minor_units(value)})" if _is_decimal(value) else ""
        raise ValueError(f"BigInt cannot represent {quote(value)}: it must be an integer of at most 64 bits{hint}")
    return value


def _parse_date_time(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"DateTime cannot represent {quote(value)}: it must be text such as 2026-01-02T03:04:05Z")
    return value


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="An RFC 3339 timestamp in UTC with microseconds, such as `2026-01-02T03:04:05.000006Z`.",
        serialize=_unchanged,
        parse_value=_parse_date_time,
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description="A signed 64-bit integer. Amounts of money stay below 2^53.",
        serialize=_unchanged,
        parse_value=_parse_big_int,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value. Its keys are never renamed.",
        serialize=_unchanged,
        parse_value=_unchanged,
    ),
}
