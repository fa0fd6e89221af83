"""Large pages are asked for where they are free to take, and nowhere else."""

from pathlib import Path

import pytest

from tradepost.server.huge_pages import can_use_huge_pages


@pytest.fixture(autouse=True)
def python(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """How this Python was made, as far as it is asked here: with mimalloc, whatever runs the tests."""
    made: dict[str, object] = {"WITH_MIMALLOC": 1}
    monkeypatch.setattr("sysconfig.get_config_var", made.get)
    return made


def machine(root: Path, *, pages: str = "always [madvise] never", kept: str = "0", lent: str = "0") -> Path:
    """A root with what Linux tells about its pages."""
    for name, told in {
        "sys/kernel/mm/transparent_hugepage/enabled": pages,
        "proc/sys/vm/nr_hugepages": kept,
        "proc/sys/vm/nr_overcommit_hugepages": lent,
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{told}\n")
    return root


@pytest.mark.parametrize("pages", ["always [madvise] never", "[always] madvise never"])
def test_they_are_taken_where_the_kernel_gives_them(tmp_path: Path, pages: str) -> None:
    assert can_use_huge_pages({"PATH": "/bin"}, machine(tmp_path, pages=pages))


def test_not_where_the_kernel_gives_none(tmp_path: Path) -> None:
    assert not can_use_huge_pages({}, machine(tmp_path, pages="always madvise [never]"))


@pytest.mark.parametrize("others", [{"kept": "512"}, {"lent": "64"}])
def test_not_where_pages_were_set_aside_for_somebody(tmp_path: Path, others: dict[str, str]) -> None:
    assert not can_use_huge_pages({}, machine(tmp_path, **others))


@pytest.mark.parametrize("chosen", [{"PYTHONMALLOC": "pymalloc"}, {"MIMALLOC_ALLOW_LARGE_OS_PAGES": "0"}])
def test_what_the_operator_chose_stays(tmp_path: Path, chosen: dict[str, str]) -> None:
    assert not can_use_huge_pages(chosen, machine(tmp_path))


def test_not_with_a_python_that_has_no_mimalloc(tmp_path: Path, python: dict[str, object]) -> None:
    python.clear()
    assert not can_use_huge_pages({}, machine(tmp_path))


def test_not_on_a_system_that_does_not_tell(tmp_path: Path) -> None:
    assert not can_use_huge_pages({}, tmp_path)
