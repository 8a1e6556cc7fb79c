"""Settings: which source wins, and that nothing unknown is let through."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.errors import SettingsError
from headrace.settings import load_settings


def write_file(folder: Path, text: str) -> None:
    (folder / "headrace.toml").write_text(text)


def test_flags_win_over_variables_over_profile_over_default_section_over_defaults(tmp_path):
    write_file(
        tmp_path,
        """
        [default]
        brokers = "default:1"
        topic_prefix = "default."
        lock_wait_s = 1.0
        spark_master = "local[1]"
        [profile.big]
        brokers = "profile:1"
        topic_prefix = "profile."
        lock_wait_s = 2.0
        """,
    )
    environment = {"HEADRACE_PROFILE": "big", "HEADRACE_BROKERS": "variable:1", "HEADRACE_TOPIC_PREFIX": "variable."}
    settings = load_settings({"brokers": "flag:1", "lake": None}, environment=environment, folder=tmp_path)
    assert settings.brokers == "flag:1"
    assert settings.topic_prefix == "variable."
    assert settings.lock_wait_s == 2.0
    assert settings.spark_master == "local[1]"
    assert settings.lake == tmp_path / ".headrace" / "lake"


def test_without_any_source_all_places_are_under_the_working_folder(tmp_path):
    settings = load_settings(environment={}, folder=tmp_path)
    assert settings.home == tmp_path / ".headrace"
    assert settings.lake == tmp_path / ".headrace" / "lake"
    assert settings.brokers is None
    assert settings.topic("flights") == "flights"
    assert settings.reference_table("planes") == tmp_path / ".headrace" / "lake" / "tables" / "planes"


def test_the_lake_follows_the_home_unless_it_is_named(tmp_path):
    moved = load_settings({"home": "elsewhere"}, environment={}, folder=tmp_path)
    named = load_settings({"home": "elsewhere", "lake": "/data"}, environment={}, folder=tmp_path)
    assert (moved.lake, named.lake) == (tmp_path / "elsewhere" / "lake", Path("/data"))


def test_reference_tables_are_named_in_the_file(tmp_path):
    write_file(tmp_path, '[default.tables]\nplanes = "reference/planes"\n')
    assert load_settings(environment={}, folder=tmp_path).reference_table("planes") == tmp_path / "reference" / "planes"


def test_settings_cannot_be_changed_once_they_are_read(tmp_path):
    settings = load_settings(environment={}, folder=tmp_path)
    with pytest.raises(ValueError, match="frozen"):
        settings.lake = tmp_path


def test_variables_of_other_programs_are_left_alone(tmp_path):
    assert load_settings(environment={"HEADR": "x", "KAFKA_BROKERS": "y"}, folder=tmp_path).brokers is None


@pytest.mark.parametrize(
    ("environment", "file", "message"),
    [
        ({"HEADRACE_BROKER": "x:1"}, None, r"no setting 'broker' \(from the environment\). Did you mean: brokers\?"),
        ({"HEADRACE_LOCK_WAIT_S": "soon"}, None, r"setting 'lock_wait_s' from the environment: found 'soon'"),
        ({"HEADRACE_LOCK_WAIT_S": "0"}, None, r"setting 'lock_wait_s' from the environment: found '0'"),
        ({"HEADRACE_TOPIC_PREFIX": "a b"}, None, r"setting 'topic_prefix' from the environment: found 'a b'"),
        ({"HEADRACE_TABLES": "x"}, None, r"HEADRACE_TABLES: a mapping cannot be given as a variable"),
        ({"HEADRACE_PROFILE": "x"}, None, r"profile 'x' was asked for, but there is no .*headrace.toml"),
        ({"HEADRACE_PROFILE": "bgi"}, "[profile.big]\n", r"there is no \[profile.bgi\]. Did you mean: big\?"),
        (
            {},
            "[default]\nlakes = 'x'\n",
            r"no setting 'lakes' \(from .*headrace.toml \[default\]\). Did you mean: lake\?",
        ),
        ({}, "[defaults]\n", r"there is no section \[defaults\]. Legal are \[default\] and \[profile.NAME\]"),
        ({}, "lake =\n", r"headrace.toml is not valid TOML"),
        ({}, "lake = 'x'\n", r"there is no section \[lake\]"),
        (
            {},
            "[default]\nlock_wait_s = 'soon'\n",
            r"setting 'lock_wait_s' from .*headrace.toml \[default\]: found 'soon'",
        ),
        ({}, "[default]\nlake = 'a[1]'\n", r"setting 'lake' from .*: found '.*/a\[1\]'"),
        ({"HEADRACE_LAKE": "a|b"}, None, r"setting 'lake' from the environment: found '.*/a\|b'"),
    ],
)
def test_what_cannot_be_a_setting_is_an_error_that_names_its_source(tmp_path, environment, file, message):
    if file is not None:
        write_file(tmp_path, file)
    with pytest.raises(SettingsError, match=message):
        load_settings(environment=environment, folder=tmp_path)


def test_an_unknown_flag_is_an_error(tmp_path):
    with pytest.raises(SettingsError, match=r"no setting 'lak' \(from the command line\). Did you mean: lake\?"):
        load_settings({"lak": "x"}, environment={}, folder=tmp_path)


def test_a_working_folder_that_deltalake_cannot_open_is_an_error_at_the_door(tmp_path):
    with pytest.raises(SettingsError, match=r"setting 'lake' from the defaults: found '.*/run\[1\]/.headrace/lake'"):
        load_settings(environment={}, folder=tmp_path / "run[1]")
    assert load_settings({"lake": "/data"}, environment={}, folder=tmp_path / "run[1]").lake == Path("/data")


def test_the_clock_is_the_system_s_or_an_instant(tmp_path):
    replayed = load_settings({"clock": "2013-01-01T00:00:01Z"}, environment={}, folder=tmp_path)
    assert replayed.now_us() == 1_356_998_401_000_000
    earlier_us = load_settings(environment={}, folder=tmp_path).now_us()
    assert 0 <= load_settings(environment={}, folder=tmp_path).now_us() - earlier_us < 60_000_000


def test_a_clock_that_is_no_instant_is_refused(tmp_path):
    with pytest.raises(SettingsError, match=r"setting 'clock' from the command line: found 'noon'"):
        load_settings({"clock": "noon"}, environment={}, folder=tmp_path)


def test_registry_and_online_store_follow_the_home_unless_they_are_named(tmp_path):
    settings = load_settings({"home": "elsewhere"}, environment={}, folder=tmp_path)
    assert settings.online_store == tmp_path / "elsewhere" / "online"
    assert settings.registry_url == f"sqlite:///{tmp_path / 'elsewhere' / 'feast' / 'registry.db'}"
    assert load_settings({"registry": "postgresql://db/feast"}, environment={}).registry_url == "postgresql://db/feast"


def test_a_commit_is_durable_unless_a_setting_says_otherwise(tmp_path):
    assert load_settings(environment={}, folder=tmp_path).durable
    assert not load_settings(environment={"HEADRACE_DURABLE": "false"}, folder=tmp_path).durable


@pytest.mark.parametrize("text", ["lots", "4", "0g", "4gb", "511m", "4 g", ""])
def test_a_memory_that_spark_would_not_start_with_is_refused_with_what_to_write(tmp_path, text):
    with pytest.raises(SettingsError, match="at least 512m, such as 4g"):
        load_settings(environment={"HEADRACE_DRIVER_MEMORY": text}, folder=tmp_path)


@pytest.mark.parametrize("text", ["512m", "4g", "1t"])
def test_memory_is_a_number_and_a_unit(tmp_path, text):
    assert load_settings(environment={"HEADRACE_DRIVER_MEMORY": text}, folder=tmp_path).driver_memory == text
