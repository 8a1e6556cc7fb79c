"""`feast ui` over what `headrace apply` wrote: its pages, and what they read of the registry."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from contextlib import contextmanager
from http.client import HTTPConnection

from feast import FeatureStore
from support.eventually import eventually
from support.feast_lake import FeastLake

from headrace.features.registry import apply_pipeline

HOST = "127.0.0.1"


def free_port():
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return listener.getsockname()[1]


@contextmanager
def running_ui(home, log):
    port = free_port()
    feast = [sys.executable, "-m", "feast.cli.cli", "-f", str(home / "feast" / "feature_store.yaml")]
    with log.open("w") as out:
        process = subprocess.Popen([*feast, "ui", "-h", HOST, "-p", str(port)], stdout=out, stderr=out)
        try:
            eventually(lambda: process.poll() is not None or answers(port), within_s=120)
            assert process.poll() is None, log.read_text()
            yield port
        finally:
            process.terminate()
            process.wait(30)


def answers(port):
    try:
        return get(port, "/projects-list.json")
    except OSError:
        return None


def get(port, path):
    connection = HTTPConnection(HOST, port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.read().decode() if answer.status == 200 else None
    finally:
        connection.close()


def test_its_pages_show_the_project_the_views_their_features_and_the_services(tmp_path):
    lake = FeastLake(tmp_path)
    apply_pipeline(lake.pipeline, lake.settings())
    with running_ui(tmp_path / "home", tmp_path / "ui.log") as port:
        assert '<div id="root">' in get(port, "/p/bank/feature-view")
        (project,) = json.loads(get(port, "/projects-list.json"))["projects"]
        view = json.loads(get(port, "/api/v1/feature_views/account_last?project=bank"))["spec"]
        services = json.loads(get(port, "/api/v1/feature_services?project=bank"))["featureServices"]
    assert (project["id"], project["description"]) == ("bank", "the features of bank")
    assert (view["description"], view["owner"]) == ("account: latest values of payments", "unowned")
    assert view["tags"]["headrace.source"] == "payments"
    assert view["features"][1] == {
        "name": "kind",
        "valueType": "STRING",
        "description": "latest kind of payments",
        "tags": {"group": "account_last", "owner": "unowned", "source": "payments", "type": "string"},
    }
    assert sorted(service["spec"]["name"] for service in services) == ["account_only", "desk_only", "risk"]
    assert f"Uvicorn running on http://{HOST}:{port} " in (tmp_path / "ui.log").read_text()


def test_the_file_for_feasts_command_line_opens_the_store_and_is_for_its_user_only(tmp_path):
    """The URL of a registry may hold a password."""
    lake = FeastLake(tmp_path)
    apply_pipeline(lake.pipeline, lake.settings())
    written = tmp_path / "home" / "feast" / "feature_store.yaml"
    assert written.stat().st_mode & 0o777 == 0o600
    assert json.loads(written.read_text())["project"] == "bank"
    assert len(FeatureStore(fs_yaml_file=str(written)).list_feature_views()) == 2
