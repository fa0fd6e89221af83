"""How often Python collects garbage: rarely or never while a process starts, as usual afterwards.

Imports leave hardly any garbage, and collections took a fifth of a start.
"""

import gc

USUAL, RARE = gc.get_threshold(), (50_000, 20, 50)


def collect_rarely() -> None:
    """Collect rarely: for commands, which may work for long after their start."""
    gc.set_threshold(*RARE)


def collect_never() -> None:
    """Collect nothing until `collect_as_usual` is called."""
    gc.disable()


def collect_as_usual() -> None:
    """Collect as often as by default again, now that all is loaded.

    Objects created so far live as long as the process: they are excluded from collections, of which
    a full one would take 150 ms.
    """
    gc.freeze()
    gc.set_threshold(*USUAL)
    gc.enable()
