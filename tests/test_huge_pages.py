"""Huge pages are used only if Python and the kernel support them and nothing else needs them."""

from pathlib import Path

import pytest

from tradepost.server.huge_pages import can_use_huge_pages


@pytest.fixture(autouse=True)
def python(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """The build variables of a Python with mimalloc, whichever Python runs the tests."""
    build_variables: dict[str, object] = {"WITH_MIMALLOC": 1}
    monkeypatch.setattr("sysconfig.get_config_var", build_variables.get)
    return build_variables


def machine(root: Path, *, pages: str = "always [madvise] never", reserved: str = "0", overcommit: str = "0") -> Path:
    """Write the files in which Linux describes its pages, and return their root."""
    for name, text in {
        "sys/kernel/mm/transparent_hugepage/enabled": pages,
        "proc/sys/vm/nr_hugepages": reserved,
        "proc/sys/vm/nr_overcommit_hugepages": overcommit,
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{text}\n")
    return root


@pytest.mark.parametrize("pages", ["always [madvise] never", "[always] madvise never"])
def test_huge_pages_are_used_if_the_kernel_allows_them(tmp_path: Path, pages: str) -> None:
    assert can_use_huge_pages({"PATH": "/bin"}, machine(tmp_path, pages=pages))


def test_huge_pages_are_not_used_if_the_kernel_never_gives_them(tmp_path: Path) -> None:
    assert not can_use_huge_pages({}, machine(tmp_path, pages="always madvise [never]"))


@pytest.mark.parametrize("pages", [{"reserved": "512"}, {"overcommit": "64"}])
def test_huge_pages_are_not_used_if_some_are_reserved(tmp_path: Path, pages: dict[str, str]) -> None:
    assert not can_use_huge_pages({}, machine(tmp_path, **pages))


@pytest.mark.parametrize("environ", [{"PYTHONMALLOC": "pymalloc"}, {"MIMALLOC_ALLOW_LARGE_OS_PAGES": "0"}])
def test_huge_pages_are_not_used_if_the_operator_chose_an_allocator(tmp_path: Path, environ: dict[str, str]) -> None:
    assert not can_use_huge_pages(environ, machine(tmp_path))


def test_huge_pages_are_not_used_by_a_python_without_mimalloc(tmp_path: Path, python: dict[str, object]) -> None:
    python.clear()
    assert not can_use_huge_pages({}, machine(tmp_path))


def test_huge_pages_are_not_used_if_the_kernel_files_are_missing(tmp_path: Path) -> None:
    assert not can_use_huge_pages({}, tmp_path)
