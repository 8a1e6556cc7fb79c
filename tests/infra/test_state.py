from __future__ import annotations

import base64
import stat

import pytest

from headrace.infra.local.state import BrokerState, new_cluster_id, read_state, recorded_cluster_id, write_state

STATE = BrokerState(port=20_001, controller_port=20_002, cluster_id="8Z4v3NJPQKiMhZ_ewE71BA")


def test_what_is_written_is_read_again_and_private(tmp_path):
    file = tmp_path / "state.json"
    write_state(file, STATE)
    assert read_state(file) == STATE
    assert STATE.address == "127.0.0.1:20001"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "damaged", ["", "{", "[]", '{"port": 1}', '{"port": "x", "controller_port": 2, "cluster_id": "c"}']
)
def test_a_damaged_state_counts_as_none(tmp_path, damaged):
    file = tmp_path / "state.json"
    file.write_text(damaged)
    assert read_state(file) is None


def test_no_state_is_none(tmp_path):
    assert read_state(tmp_path / "state.json") is None


def test_the_cluster_of_a_data_folder_is_read_from_kafkas_own_file(tmp_path):
    assert recorded_cluster_id(tmp_path) is None
    (tmp_path / "meta.properties").write_text(
        "#\n#Mon Nov 23\nnode.id=1\nversion=1\ncluster.id=4L6g3nShT-eMCtK--X86sw\n"
    )
    assert recorded_cluster_id(tmp_path) == "4L6g3nShT-eMCtK--X86sw"


def test_a_new_cluster_id_is_sixteen_bytes_in_kafkas_base64():
    ids = {new_cluster_id() for _ in range(300)}
    assert len(ids) == 300
    assert {len(base64.urlsafe_b64decode(text + "==")) for text in ids} == {16}
    assert not any(text.startswith("-") for text in ids)
