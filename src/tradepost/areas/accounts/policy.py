"""Roles and what each may do: the one place that says so."""

ROLES: dict[str, frozenset[str]] = {
    "customer": frozenset(),
    "moderator": frozenset({"reviews:moderate"}),
    "staff": frozenset(
        {
            "catalog:write", "stock:read", "stock:write", "orders:read", "orders:write", "reviews:moderate", "users:read", "audit:read", "ops:read",
        }
    ),
    "admin": frozenset(
        {
            "catalog:write", "stock:read", "stock:write", "orders:read", "orders:write", "reviews:moderate", "users:read", "users:write",
            "webhooks:write", "audit:read", "ops:read", "keys:write",
        }
    ),
}  # fmt: skip
