"""Faults of the connection and the server, which tests ask for."""

import json
import random
import re
from dataclasses import asdict, dataclass

from .store import Transaction

KINDS = (
    "delay", "hold_before", "hold_after", "drop_before", "drop_after", "error_before", "error_after", "rate_limit",
)  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """What happens to requests.

    kind:
        `delay`: the answer comes `seconds` later.
        `hold_before`: nothing happens for `seconds`, then the effect and the answer.
        `hold_after`: the effect happens at once, the answer comes `seconds` later.
        `drop_before`, `drop_after`: the connection is closed without an answer, and without or
            with the effect.
        `error_before`, `error_after`: the answer is 500, without or with the effect.
        `rate_limit`: the answer is 429, without an effect.
    method, path: only of such requests; the path is a regular expression that has to match a part.
    percent: how many of these requests, by chance.
    times: after so many requests the fault is gone.
    """

    kind: str
    seconds: float = 0
    method: str | None = None
    path: str = ""
    percent: float = 100
    times: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"Unknown fault: {self.kind}")
        re.compile(self.path)

    def applies(self, method: str, path: str) -> bool:
        """Whether it happens to a request."""
        if self.method not in (None, method) or re.search(self.path, path) is None:
            return False
        return random.uniform(0, 100) < self.percent  # noqa: S311 - chance, not security


def add_fault(tx: Transaction, fault: Fault) -> None:
    """Have a fault happen from now on."""
    tx.execute("INSERT INTO fault (data) VALUES (?)", json.dumps(asdict(fault)))


def take_fault(tx: Transaction, method: str, path: str) -> Fault | None:
    """Return the fault of a request, the oldest that applies, and count it."""
    for number, data in tx.execute("SELECT id, data FROM fault ORDER BY id").fetchall():
        fault = Fault(**json.loads(data))
        if not fault.applies(method, path):
            continue
        if fault.times is not None and fault.times <= 1:
            tx.execute("DELETE FROM fault WHERE id = ?", number)
        elif fault.times is not None:
            left = json.dumps(asdict(fault) | {"times": fault.times - 1})
            tx.execute("UPDATE fault SET data = ? WHERE id = ?", left, number)
        return fault
    return None
