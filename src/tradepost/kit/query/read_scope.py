"""The part of a call that the read engine depends on."""

from typing import Protocol

from ..auth.caller import Caller
from ..rate_limit.meter import Meter
from .source_tables import ReadDependencies


class ReadScope(Protocol):
    """The part of a call that the read engine uses. CallContext satisfies it."""

    @property
    def caller(self) -> Caller:
        """The caller, which decides the visible rows."""
        ...

    @property
    def meter(self) -> Meter:
        """The meter that new plans are charged to."""
        ...

    @property
    def one_time_secret(self) -> str | None:
        """A secret that this call made, to show in its own answer."""
        ...

    @property
    def read_dependencies(self) -> ReadDependencies | None:
        """Where to record what is read, if the answer may be cached."""
        ...
