"""The members of `Problem` whose types the problem classes declare."""

from tradepost.kit.problems import all_problems

from .schema import Schema, ref, type_schema


def add_problem_members(schemas: dict[str, Schema]) -> None:
    """Add the declared members of all problems to the schema `Problem`, and the types they use.

    Members that are named after a result are added if the API has it.
    """
    properties: dict[str, Schema] = schemas["Problem"]["properties"]
    for kind in sorted(all_problems(), key=lambda kind: kind.code):
        for name, type_ in sorted(kind.member_types.items() if "member_types" in vars(kind) else ()):
            if not isinstance(type_, str):
                member, components = type_schema(type_)
                schemas |= components
            elif type_ in schemas:
                member = {"description": f"With `{kind.code}`: the current values."} | ref(type_)
            else:
                continue
            if properties.setdefault(name, member) != member:
                raise ValueError(f"two problems have different members `{name}`")
