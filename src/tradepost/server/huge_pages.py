"""Huge pages for Python's memory: they save up to a fifth of a read's CPU time.

A process touches about 100 MB, and each request a little of all of it. In pages of 4 KiB that is
more than the processor's TLB covers, and each miss walks the page tables, in a virtual machine two
of them. Python's own allocator cannot use larger pages. mimalloc, which CPython includes since
3.13 (`PYTHONMALLOC`), can, by `madvise(MADV_HUGEPAGE)` (`MIMALLOC_ALLOW_LARGE_OS_PAGES`). The
allocator is chosen before Python starts, so the process replaces itself with `execve`.

Figures: scripts/bench/LESSONS.md. See "Transparent Hugepage Support" in the kernel documentation.
"""

import os
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

HUGE_PAGES = {"PYTHONMALLOC": "mimalloc", "MIMALLOC_ALLOW_LARGE_OS_PAGES": "1"}


def restart_with_huge_pages() -> None:
    """Run the same command again with huge pages.

    Return if they cannot be used or are already in use.
    """
    if can_use_huge_pages(os.environ):
        arguments = [sys.executable, *sys.orig_argv[1:]]
        os.execve(sys.executable, arguments, os.environ | HUGE_PAGES)  # noqa: S606 - the same command


def can_use_huge_pages(environ: Mapping[str, str], root: Path = Path("/")) -> bool:
    """Whether to use huge pages: no allocator is set, Python has mimalloc, the kernel allows them.

    Not if huge pages are reserved (`vm.nr_hugepages`): mimalloc would take those, which usually
    belong to PostgreSQL.
    """
    if any(name in environ for name in HUGE_PAGES) or not sysconfig.get_config_var("WITH_MIMALLOC"):
        return False
    try:
        enabled = (root / "sys/kernel/mm/transparent_hugepage/enabled").read_text()
        names = ("nr_hugepages", "nr_overcommit_hugepages")
        reserved = [int((root / "proc/sys/vm" / name).read_text()) for name in names]
    except OSError:  # not Linux, or a sandbox that hides these files
        return False
    return "[never]" not in enabled and not any(reserved)
