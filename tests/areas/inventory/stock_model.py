"""A model of one variant's stock at two locations: what each change does, and which is refused."""

from collections import deque
from dataclasses import dataclass, field

OK, NEGATIVE, RESERVED, MISSING = "ok", "validation", "stock_reserved", "out_of_stock"


@dataclass
class StockModel:
    """Units by location, of which the first takes backorders, and the open lines of orders."""

    backorder: bool
    on_hand: list[int] = field(default_factory=lambda: [0, 0])
    reserved: list[int] = field(default_factory=lambda: [0, 0])
    lines: deque[list[int]] = field(default_factory=deque[list[int]])
    """The reserved units of each open line by location, the oldest line first."""

    def available(self, place: int) -> int:
        """Return the units that are not reserved; negative if some are backordered."""
        return self.on_hand[place] - self.reserved[place]

    def set_on_hand(self, place: int, units: int) -> str:
        """Set the units on hand by an adjustment or a count."""
        if units < 0:
            return NEGATIVE
        if units < self.reserved[place] and not self.backorder:
            return RESERVED
        self.on_hand[place] = units
        return OK

    def transfer(self, place: int, units: int) -> str:
        """Move units to the other location."""
        outcome = self.set_on_hand(place, self.on_hand[place] - units)
        if outcome == OK:
            self.on_hand[1 - place] += units
        return outcome

    def set_backorder(self, allowed: bool) -> str:
        """Allow backorders or not."""
        if not allowed and any(self.available(place) < 0 for place in (0, 1)):
            return RESERVED
        self.backorder = allowed
        return OK

    def reserve(self, units: int) -> str:
        """Reserve the units of a new line: at one location if possible, else at both."""
        free = [max(0, self.available(place)) for place in (0, 1)]
        whole = [place for place in (0, 1) if free[place] >= units]
        line = [min(free[0], units), 0]
        line[1] = min(free[1], units - line[0])
        if whole:
            line = [units if place == whole[0] else 0 for place in (0, 1)]
        if sum(line) < units and not self.backorder:
            return MISSING
        line[0] += units - sum(line)
        self.lines.append(line)
        self.reserved = [self.reserved[place] + line[place] for place in (0, 1)]
        return OK

    def release(self, units: int) -> None:
        """Release units of the oldest line: backordered ones, then those at the last location."""
        line, most = self.lines[0], [max(0, -self.available(place)) for place in (0, 1)]
        for place, limit in ((0, most[0]), (1, most[1]), (1, units), (0, units)):
            released = min(line[place], limit, units)
            line[place] -= released
            self.reserved[place] -= released
            units -= released
        if not any(line):
            self.lines.popleft()
