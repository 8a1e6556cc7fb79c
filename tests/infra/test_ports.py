from __future__ import annotations

import socket

from headrace.infra.local.ports import CANDIDATES, choose_port, is_free


def test_a_port_on_which_a_program_listens_is_not_free():
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not is_free(server.getsockname()[1])


def test_a_chosen_port_is_free_and_not_the_one_to_avoid():
    first = choose_port()
    assert first in CANDIDATES
    assert is_free(first)
    assert choose_port(besides=first) != first


def test_no_port_is_chosen_from_those_of_outgoing_connections():
    assert max(CANDIDATES) < 32_768
