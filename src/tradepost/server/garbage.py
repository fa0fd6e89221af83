"""How often Python collects garbage: rarely while a process starts, as usual afterwards."""

import gc

USUAL, RARE = gc.get_threshold(), (50_000, 20, 50)


def collect_rarely() -> None:
    """Collect rarely. Imports leave hardly any garbage, and collections took a fifth of a start."""
    gc.set_threshold(*RARE)


def collect_as_usual() -> None:
    """Collect as often as by default again, now that all is loaded.

    Objects created so far live as long as the process: they are excluded from full collections,
    which take 60 ms otherwise.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*USUAL)
