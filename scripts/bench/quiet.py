"""How much of the machine others used while we measured: figures of a busy machine are orientation only, and the report says so."""

import os
import time

import psutil

from . import machine
from .processes import whole_cpu

MOST = 0.05  # of all cores; above this the machine was not quiet


class Watch:
    """Begins where it is made; PostgreSQL is ours too, but no child of ours."""

    def __init__(self, postgres: psutil.Process) -> None:
        self.postgres, self.load = postgres, machine.load()
        self.began, self.busy, self.own = time.perf_counter(), machine.busy(), self._own()

    def _own(self) -> float:
        return whole_cpu(psutil.Process(os.getpid())) + whole_cpu(self.postgres)

    def others(self) -> tuple[float, float]:
        """The shares of all cores that other processes and the host's other guests took since."""
        busy, stolen = machine.busy()
        room = (time.perf_counter() - self.began) * machine.cores()
        return max(busy - self.busy[0] - self._own() + self.own, 0.0) / room, max(stolen - self.busy[1], 0.0) / room


def said(others: float, stolen: float, load: float) -> str:
    """In a sentence, with the consequence."""
    shares = f"Load average at the start {load:.1f}; while measuring, other processes used {others:.0%} of the cores and {stolen:.0%} was stolen by the host."
    if others + stolen > MOST:
        return f"**The machine was not quiet: absolute figures are orientation only.** {shares}"
    return f"The machine was quiet. {shares}"
