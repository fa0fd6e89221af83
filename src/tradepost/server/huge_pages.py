"""Python's memory in large pages, which is worth up to a fifth of a read's CPU time (scripts/bench/PROFILE.md).

A worker touches some 100 MB, a request a little of all of it. In pages of 4 KiB that is more than a processor remembers the places of, and each one that it
does not costs a walk through the page tables, in a virtual machine through two of them. Python's own allocator cannot ask for larger ones;
mimalloc, which CPython brings along since 3.13 (`PYTHONMALLOC`), can: `MIMALLOC_ALLOW_LARGE_OS_PAGES`, by `madvise(MADV_HUGEPAGE)`. An allocator is chosen
before Python starts, so this process starts itself again, in place. See "Transparent Hugepage Support" of the kernel's documentation.
"""

import os
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

LARGE = {"PYTHONMALLOC": "mimalloc", "MIMALLOC_ALLOW_LARGE_OS_PAGES": "1"}


def restart_with_huge_pages() -> None:
    """The same command in the same process, if it gains by it; returns where it does not, or runs so already."""
    if can_use_huge_pages(os.environ):
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ | LARGE)  # noqa: S606 - ourselves, word for word


def can_use_huge_pages(environ: Mapping[str, str], root: Path = Path("/")) -> bool:
    """Whether large pages may be asked for: nobody chose an allocator, this Python has the one that can, and the kernel gives them on demand.

    Where pages were set aside (`vm.nr_hugepages`), mimalloc would take of those, and they are somebody's: PostgreSQL's, as a rule.
    """
    if any(name in environ for name in LARGE) or not sysconfig.get_config_var("WITH_MIMALLOC"):
        return False
    try:
        given = (root / "sys/kernel/mm/transparent_hugepage/enabled").read_text()
        kept = [int((root / "proc/sys/vm" / name).read_text()) for name in ("nr_hugepages", "nr_overcommit_hugepages")]
    except OSError:  # another system, or a sandbox that does not tell
        return False
    return "[never]" not in given and not any(kept)
