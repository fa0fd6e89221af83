"""The members of `Problem` whose types the problem classes declare."""

from typing import Any

import msgspec

from tradepost.kit.problems import all_problems

from .schema import SCHEMA_PREFIX, Schema, add_bounds, ref


def add_problem_members(schemas: dict[str, Schema]) -> None:
    """Add the declared members of all problems to the schema `Problem`, and the types they use.

    Members that are named after a result are added if the API has it.
    """
    properties: dict[str, Schema] = schemas["Problem"]["properties"]
    for kind in sorted(all_problems(), key=lambda kind: kind.code):
        for name, type_ in sorted(kind.member_types.items() if "member_types" in vars(kind) else ()):
            if not isinstance(type_, str):
                member, components = _member_schema(type_)
                schemas |= components
            elif type_ in schemas:
                member = {"description": f"With `{kind.code}`: the current values."} | ref(type_)
            else:
                continue
            if properties.setdefault(name, member) != member:
                raise ValueError(f"two problems have different members `{name}`")


def _member_schema(type_: Any) -> tuple[Schema, dict[str, Schema]]:
    """Return the schema of a member, and those of the Structs in it by name."""
    (schema,), components = msgspec.json.schema_components([type_], ref_template=SCHEMA_PREFIX + "{name}")
    return add_bounds(schema), {name: add_bounds(component) for name, component in components.items()}
