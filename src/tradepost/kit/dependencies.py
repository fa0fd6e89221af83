"""Means: what services need besides the database (a hasher, the keys of tokens, a mailer), found by its type.

The composition root provides them once for each process; a Context carries them, so that methods take only shop arguments.
"""

from typing import Any, cast


class Dependencies:
    """One thing of a type each. What was not provided is a fault of the composition root, named when it is asked for."""

    __slots__ = ("instances",)

    def __init__(self) -> None:
        self.instances: dict[Any, Any] = {}

    def provide[T](self, kind: type[T], thing: T) -> T:
        """Makes a thing available under a type: its own, or a protocol that it fulfils."""
        self.instances[kind] = thing
        return thing

    def require[T](self, kind: type[T]) -> T:
        """The thing of a type."""
        found = self.get(kind)
        if found is None:
            raise LookupError(f"nothing provides {kind.__name__} here")
        return found

    def get[T](self, kind: type[T]) -> T | None:
        """The thing of a type, or None where callers like these have none: the shell counts no attempts."""
        return cast(T | None, self.instances.get(kind))


NO_DEPENDENCIES = Dependencies()
