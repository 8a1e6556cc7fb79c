"""The stored form of a profile: its stated shape, and what is said where a file is not one."""

from __future__ import annotations

import json

import pytest
from support.rooms import REPOSITORY

from headrace.errors import UsageError
from headrace.profile import SCHEMA, Profile
from headrace.profile.report import Subject

STATED = REPOSITORY / "docs" / "profile.schema.json"


def empty() -> Profile:
    subject = Subject(table="t", version=3, since=None, until=None, label=None)
    return Profile(subject=subject, rows=0, passes=1, seconds=0.1, columns=())


def test_the_stated_schema_is_that_of_the_model():
    assert json.loads(STATED.read_text()) == Profile.model_json_schema()


def test_the_schema_names_its_version():
    assert Profile.model_json_schema()["properties"]["format"]["const"] == SCHEMA


def test_a_stored_profile_is_read_as_it_was(tmp_path):
    file = tmp_path / "profile.json"
    empty().write(file)
    assert Profile.read(file) == empty()


@pytest.mark.parametrize("text", ["", "{}", '{"format": "headrace.profile/9"}'])
def test_a_file_that_is_no_profile_of_this_version_is_refused(tmp_path, text):
    file = tmp_path / "profile.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"profile.json is no profile of the format headrace.profile/1"):
        Profile.read(file)
    with pytest.raises(UsageError, match=r"nowhere\.json is no profile"):
        Profile.read(tmp_path / "nowhere.json")
