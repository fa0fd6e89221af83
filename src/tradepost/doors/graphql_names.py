"""The GraphQL spelling of our names."""

from functools import lru_cache


@lru_cache(10_000)
def camel(name: str) -> str:
    """Return a name in camel case: `price_from` becomes `priceFrom`."""
    head, *tail = name.split("_")
    return head + "".join([part.capitalize() for part in tail])


def sort_enum_value(name: str, descending: bool) -> str:
    """Return the enum value of a sort key: `CREATED_AT_ASC` or `CREATED_AT_DESC`."""
    return f"{name.upper()}_{'DESC' if descending else 'ASC'}"


def input_type_name(struct_name: str) -> str:
    """Return the name of the input type of a Struct, such as `MoneyInput` for `Money`.

    In GraphQL, input and output types share one namespace.
    """
    if struct_name == "Step":
        return "JsonPatchOperation"
    return struct_name if struct_name.endswith(("Input", "Patch")) else f"{struct_name}Input"
