"""What stands as rejected: grouped, counted, and shown so that a terminal survives it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.quarantine_rows import Attempt, write_tables
from support.shop import shop, write_shop
from typer.testing import CliRunner

from headrace.cli.app import app
from headrace.errors import ContractError
from headrace.quarantine import SHOWN_BYTES, shown_bytes, summarize_quarantine
from headrace.tables import source_tables

OUT_OF_RANGE = [
    Attempt(number, reason="out_of_range", detail=f"column 'amount': found -{number}.5", value=b'{"n":%d}' % number)
    for number in range(5)
]


def groups(summary):
    return [(group.reason, group.detail, group.records) for group in summary.groups]


def test_details_that_differ_in_their_numbers_only_are_one_group_the_largest_first(tmp_path):
    future = "event at 2013-01-01 12:00:0{}.5 is more than 3600 s after its arrival at 2013-01-01 10:15:0{}"
    attempts = [
        *OUT_OF_RANGE,
        *[Attempt(10 + n, reason="in_the_future", detail=future.format(n, n)) for n in range(3)],
        Attempt(20, reason="too_large", detail="9000000 bytes, at most 8388608"),
        Attempt(21, reason="wrong_type", detail="column 'n1': declared long, found DECIMAL(20,1)"),
        Attempt(22, reason="wrong_type", detail="column 'n2': declared long, found DECIMAL(20,1)"),
    ]
    assert groups(summarize_quarantine(write_tables(tmp_path, attempts), limit=20)) == [
        ("out_of_range", "column 'amount': found …", 5),
        ("in_the_future", "event at … is more than … s after its arrival at …", 3),
        ("too_large", "… bytes, at most …", 1),
        ("wrong_type", "column 'n1': declared long, found DECIMAL(20,1)", 1),
        ("wrong_type", "column 'n2': declared long, found DECIMAL(20,1)", 1),
    ]


def test_a_group_tells_when_it_arrived_and_shows_its_newest_records_whole(tmp_path):
    (group,) = summarize_quarantine(write_tables(tmp_path, OUT_OF_RANGE), limit=1).groups
    assert group.first_arrived_at == datetime(2013, 1, 1, 10, 15, 0, tzinfo=UTC)
    assert group.last_arrived_at == datetime(2013, 1, 1, 10, 15, 4, tzinfo=UTC)
    assert [(example.offset, example.value, example.value_bytes) for example in group.examples] == [
        (4, '{"n":4}', 7),
        (3, '{"n":3}', 7),
        (2, '{"n":2}', 7),
    ]
    assert (group.examples[0].detail, group.examples[0].key) == ("column 'amount': found -4.5", "key")


def test_the_newest_attempt_says_the_reason_and_the_first_one_has_the_bytes(tmp_path):
    attempts = [Attempt(1, value=b"[1]"), Attempt(1, attempt=2, reason="not_an_object", detail="found an array")]
    (group,) = summarize_quarantine(write_tables(tmp_path, attempts), limit=20).groups
    assert (group.reason, group.records, group.examples[0].value) == ("not_an_object", 1, "[1]")


def test_what_was_left_out_is_counted(tmp_path):
    attempts = [*OUT_OF_RANGE, Attempt(7), Attempt(8, reason="tombstone", detail="the value is null", value=None)]
    summary = summarize_quarantine(write_tables(tmp_path, attempts), limit=2)
    assert (len(summary.groups), summary.more_groups, summary.rejected) == (2, 1, 7)


def test_only_the_reasons_that_were_asked_for_are_counted(tmp_path):
    tables = write_tables(tmp_path, [*OUT_OF_RANGE, Attempt(7), Attempt(8, reason="tombstone", value=None)])
    summary = summarize_quarantine(tables, ["tombstone", "invalid_json"], limit=20)
    assert (summary.rejected, [group.reason for group in summary.groups]) == (2, ["invalid_json", "tombstone"])
    assert summary.groups[1].examples[0].value is None


def test_a_missing_table_is_named_with_what_makes_it(tmp_path):
    with pytest.raises(ContractError, match=r"`headrace clean` makes it"):
        summarize_quarantine(source_tables(tmp_path, "shop", "orders", "0123456789ab"), limit=1)


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_what_stands_is_what_a_naive_reader_says_stands(tmp_path_factory, data):
    offsets = st.integers(0, 9)
    outcomes = st.lists(st.sampled_from(["rejected", "rejected", "cleaned", "duplicate"]), min_size=1, max_size=3)
    histories = data.draw(st.dictionaries(offsets, outcomes, max_size=8))
    clean, duplicates = data.draw(st.sets(offsets, max_size=3)), data.draw(st.sets(offsets, max_size=3))
    attempts = [
        Attempt(offset, number, outcome, reason=("tombstone", "late")[(offset + number) % 2])
        for offset, history in histories.items()
        for number, outcome in enumerate(history, start=1)
    ]
    expected = Counter(
        ("tombstone", "late")[(offset + len(history)) % 2]
        for offset, history in histories.items()
        if history[-1] == "rejected" and offset not in clean | duplicates
    )
    tables = write_tables(tmp_path_factory.mktemp("lake"), attempts, clean=clean, duplicates=duplicates)
    summary = summarize_quarantine(tables, limit=20)
    assert {group.reason: group.records for group in summary.groups} == expected
    newest = Counter(history[-1] for history in histories.values())
    assert (summary.rejected, summary.cleaned, summary.duplicate) == (
        expected.total(),
        newest["cleaned"],
        newest["duplicate"],
    )


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (b'{"city":"K\xc3\xb6ln"}', '{"city":"Köln"}'),
        (b"\x1b[2J\x07", r"\x1b[2J\x07"),
        (b"a\r\nb\tc", r"a\r\nb\tc"),
        (b"\xff\x00", r"\xff\x00"),
        ("\u202etxt.exe".encode(), r"\u202etxt.exe"),
        (b"", ""),
        (None, None),
    ],
)
def test_bytes_are_shown_as_text_that_does_nothing_to_a_terminal(content, shown):
    assert shown_bytes(content) == shown


def test_a_cut_value_ends_before_the_character_that_the_cut_would_split(tmp_path):
    assert shown_bytes("ö".encode()[:1], cut=True) == "…"
    value = b"x" * (SHOWN_BYTES - 1) + "ö".encode() + b"y"
    (group,) = summarize_quarantine(write_tables(tmp_path, [Attempt(0, value=value)]), limit=1).groups
    assert group.examples[0].value == "x" * (SHOWN_BYTES - 1) + "…"
    assert group.examples[0].value_bytes == SHOWN_BYTES + 2


@given(content=st.binary(max_size=200), cut=st.booleans())
def test_no_bytes_at_all_bring_an_unprintable_character_onto_the_screen(content, cut):
    assert shown_bytes(content, cut=cut).isprintable()


class TestCommand:
    """`headrace quarantine show`."""

    @pytest.fixture
    def show(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        file = write_shop(tmp_path / "shop.yaml")
        attempts = [*OUT_OF_RANGE, Attempt(7, value=b"\x1b[31m"), Attempt(8, reason="tombstone", value=None)]
        write_tables(tmp_path / "lake", attempts, definition=shop().definition("orders"))
        options = ["-p", str(file), "--lake", str(tmp_path / "lake")]
        return lambda *more: CliRunner().invoke(app, ["quarantine", "show", *more, *options])

    def test_it_shows_a_line_a_group(self, show):
        answer = show("orders")
        assert answer.exit_code == 0
        lines = [line.split() for line in answer.stdout.splitlines()]
        assert lines[0][:4] == ["source", "reason", "detail", "records"]
        assert [(line[0], line[1]) for line in lines[1:]] == [
            ("orders", "out_of_range"),
            ("orders", "invalid_json"),
            ("orders", "tombstone"),
        ]
        assert "0/4" in answer.stdout
        assert r"\x1b[31m" in answer.stdout
        assert "\x1b" not in answer.stdout

    def test_for_machines_it_gives_groups_with_examples(self, show):
        answer = show("--json", "--reason", "out_of_range", "--limit", "1")
        assert '"rejected": 5' in answer.stdout
        assert '"detail": "column \'amount\': found \\u2026", "records": 5' in answer.stdout
        assert '"value": "{\\"n\\":4}"' in answer.stdout

    def test_what_the_limit_leaves_out_is_said(self, show):
        assert "orders: 2 smaller groups are not shown. --limit shows more of them" in show("--limit", "1").stderr

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--reason", "tombstones"], "nothing is rejected for 'tombstones'. Did you mean: tombstone?"),
            (["order"], "there is no source named 'order'. Did you mean: orders?"),
        ],
    )
    def test_a_name_that_nothing_has_is_refused_with_the_near_ones(self, show, arguments, message):
        answer = show(*arguments)
        assert (answer.exit_code, message in answer.stderr) == (2, True)

    def test_a_source_that_was_never_cleaned_is_said_to_be_so(self, show, tmp_path):
        answer = CliRunner().invoke(
            app, ["quarantine", "show", "-p", str(tmp_path / "shop.yaml"), "--lake", str(tmp_path / "empty")]
        )
        assert answer.exit_code == 0
        assert "orders: nothing has been cleaned yet" in answer.stderr
