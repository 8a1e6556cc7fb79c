from __future__ import annotations

import pytest

from headrace.infra.local import packages


@pytest.mark.parametrize(
    ("version", "wanted", "expected"),
    [
        ("1.6.6", ">=1.6.6,<2", True),
        ("1.6.5", ">=1.6.6,<2", False),
        ("2.0.0", ">=1.6.6,<2", False),
        ("1.10.0", ">=1.6.6,<2", True),
        ("4.2.0", "==4.2.0", True),
        ("4.2", "==4.2.0", True),
        ("4.2.1", "==4.2.0", False),
        ("26.0.0.post1", ">=21", True),
        ("0.0.3", " ==0.0.3", True),
        ("7", "", True),
    ],
)
def test_a_version_is_compared_with_what_is_required(version, wanted, expected):
    assert packages.satisfies(version, wanted) is expected


REQUIRED = [
    "pydantic>=2.7",
    'deltalake<2,>=1.6.6; extra == "ingestion"',
    'kafka-python[crc32c]<4,>=3.0.12; extra == "ingestion"',
    'headrace[ingestion,jobs]; extra == "demo"',
    'pytest>=99; extra == "dev"',
]


def wanting(monkeypatch, **installed: str) -> list[str]:
    def version(name: str) -> str:
        if name not in installed:
            raise packages.metadata.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(packages.metadata, "requires", lambda name: REQUIRED)
    monkeypatch.setattr(packages.metadata, "version", version)
    return packages.wanting_packages()


def test_nothing_is_wanting_when_all_versions_fit(monkeypatch):
    fitting = {"pydantic": "2.12", "deltalake": "1.6.6", "kafka-python": "3.0.12"}
    assert wanting(monkeypatch, **fitting) == []


def test_an_absent_and_a_wrong_package_are_named_with_what_is_required(monkeypatch):
    assert wanting(monkeypatch, pydantic="2.12", deltalake="2.1.0") == [
        "deltalake is 2.1.0, and <2,>=1.6.6 is required",
        "kafka-python is not installed",
    ]


def test_this_very_environment_has_what_the_house_requires():
    assert packages.wanting_packages() == []
