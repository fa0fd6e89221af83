"""GraphQL's spelling of our names."""

from functools import lru_cache


@lru_cache(10_000)
def camel(name: str) -> str:
    """`price_from` is `priceFrom`."""
    head, *tail = name.split("_")
    return head + "".join([t.capitalize() for t in tail])


def sort_enum_value(name: str, descending: bool) -> str:
    """`created_at` as a sort key is `CREATED_AT_ASC` or `CREATED_AT_DESC`."""
    return f"{name.upper()}_{'DESC' if descending else 'ASC'}"


def input_type_name(shape: str) -> str:
    """A shape's name as an input type: GraphQL has one space of names for inputs and outputs, so `Money` is `MoneyInput`."""
    if shape == "Step":
        return "JsonPatchOperation"
    return shape if shape.endswith(("Input", "Patch")) else f"{shape}Input"
