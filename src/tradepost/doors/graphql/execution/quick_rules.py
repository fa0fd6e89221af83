"""Validation rules that know which kinds of nodes they look at.

graphql-core looks for the methods of every rule for every kind of node anew in each document, which
took a third of the time of validation.
"""

from graphql import ASTValidationRule
from graphql.language.visitor import EnterLeaveVisitor

NOTHING = EnterLeaveVisitor(None, None)


def quick_rule(rule: type[ASTValidationRule]) -> type[ASTValidationRule]:
    """Return the same rule, which finds out once which kinds of nodes it looks at."""
    if hasattr(rule, "enter") or hasattr(rule, "leave"):
        return rule  # it looks at all kinds
    kinds = frozenset({name[6:] for name in dir(rule) if name.startswith(("enter_", "leave_"))})

    def get_enter_leave_for_kind(self: ASTValidationRule, kind: str) -> EnterLeaveVisitor:
        return rule.get_enter_leave_for_kind(self, kind) if kind in kinds else NOTHING

    return type(rule.__name__, (rule,), {"get_enter_leave_for_kind": get_enter_leave_for_kind})
