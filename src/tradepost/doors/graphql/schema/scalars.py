"""The scalars that GraphQL does not have of its own. They pass values through: texts are checked by the same code as REST's."""

from datetime import datetime
from typing import Any, NewType

import strawberry
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition

BigInt = NewType("BigInt", int)


def _same(value: Any) -> Any:
    return value


def _whole(value: Any) -> int:
    if type(value) is not int or not -(2**63) <= value < 2**63:
        raise ValueError(f"BigInt cannot represent {value!r}: a whole number of at most 64 bits is needed")
    return value


def _moment(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"DateTime cannot represent {value!r}: a text such as 2026-01-02T03:04:05.000006Z is needed")
    return value


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime", description="RFC 3339 in UTC with six decimals and `Z`.", serialize=_same, parse_value=_moment
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description="A whole number of at most 64 bits; amounts stay below 2^53.",
        serialize=_same,
        parse_value=_whole,
    ),
    JSON: strawberry.scalar(
        name="JSON", description="Any JSON value; its keys are never renamed.", serialize=_same, parse_value=_same
    ),
}
