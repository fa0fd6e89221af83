"""Files with API keys: the key of another database is never overwritten."""

import stat
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from tradepost.cli.api_key_file import demo_api_key, kept_api_key
from tradepost.settings import Settings


def test_each_database_has_a_file_of_its_own(fresh_settings: Callable[[], Settings], tmp_path: Path) -> None:
    """And its key is found again when DATABASE_URL changes back."""
    one, other, file = fresh_settings(), fresh_settings(), tmp_path / "var" / "staff_api_key"
    found = [demo_api_key(settings, "a test", file) for settings in (one, other, one, other)]
    assert found[0] == found[2]
    assert found[1] == found[3]
    assert found[0][1] == file
    assert found[1][1].name.startswith("staff_api_key.")
    for key, path in found:
        assert path.read_text() == f"{key}\n"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_that_is_not_valid_any_more_is_replaced(fresh_settings: Callable[[], Settings], tmp_path: Path) -> None:
    settings, file = fresh_settings(), tmp_path / "staff_api_key"
    demo_api_key(settings, "a test", file)
    file.write_text("tp_of_this_database_before_it_was_made_again")
    key, path = demo_api_key(settings, "a test", file)
    assert path == file
    assert file.read_text() == f"{key}\n"


def test_a_key_of_unknown_origin_is_left_alone(fresh_settings: Callable[[], Settings], tmp_path: Path) -> None:
    file = tmp_path / "staff_api_key"
    file.write_text("tp_of_another_database")
    _, path = demo_api_key(fresh_settings(), "a test", file)
    assert path != file
    assert file.read_text() == "tp_of_another_database"


def test_a_kept_key_is_returned_while_it_is_valid_and_never_replaced(
    fresh_settings: Callable[[], Settings], tmp_path: Path
) -> None:
    settings, file = fresh_settings(), tmp_path / "key"
    key = kept_api_key(settings, "staff", "a test", file)
    assert kept_api_key(settings, "staff", "a test", file) == key
    with pytest.raises(click.ClickException, match="no valid admin key"):
        kept_api_key(settings, "admin", "a test", file)
    file.write_text("tp_of_another_database")
    with pytest.raises(click.ClickException, match="no valid staff key of this database"):
        kept_api_key(settings, "staff", "a test", file)
    assert file.read_text() == "tp_of_another_database"
