"""Dependencies of services other than the database (a password hasher, a mailer), by type.

`bootstrap.py` provides one instance of each for the process. CallContext carries them, so that
the methods of services take only business arguments.
"""

from typing import Any, cast


class Dependencies:
    """One instance per type."""

    __slots__ = ("instances",)

    def __init__(self) -> None:
        self.instances: dict[Any, Any] = {}

    def provide[T](self, kind: type[T], instance: T) -> T:
        """Register an instance under its own type or under a protocol that it implements."""
        self.instances[kind] = instance
        return instance

    def require[T](self, kind: type[T]) -> T:
        """Return the instance of a type, or raise LookupError if `bootstrap.py` provides none."""
        instance = self.get(kind)
        if instance is None:
            raise LookupError(f"{kind.__name__} is not provided here")
        return instance

    def get[T](self, kind: type[T]) -> T | None:
        """Return the instance of a type, or None.

        Some callers lack some of them: the command line does not count credential attempts.
        """
        return cast("T | None", self.instances.get(kind))  # a string: building the union costs 3 us


NO_DEPENDENCIES = Dependencies()
