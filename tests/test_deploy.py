"""The compose file: sound YAML, services that fit together, settings that exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
APPS = ("app-1", "app-2")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return read


@pytest.fixture(scope="module")
def balancer() -> str:
    return (DEPLOY / "haproxy.cfg").read_text(encoding="utf-8")


def test_what_services_wait_for_is_there_and_tells_its_health(compose):
    services = compose["services"]
    for name, service in services.items():
        wanted = service.get("depends_on", {})
        assert set(wanted) <= set(services), name
        for other in wanted if isinstance(wanted, dict) else ():
            assert wanted[other]["condition"] == "service_healthy"
            assert "test" in services[other]["healthcheck"], other


def test_volumes_and_networks_are_declared_and_used(compose):
    services = compose["services"].values()
    mounts = [mount.split(":")[0] for service in services for mount in service.get("volumes", ())]
    assert {mount for mount in mounts if not mount.startswith(".")} == set(compose["volumes"])
    files = [mount for mount in mounts if mount.startswith(".")]
    assert files
    assert all((DEPLOY / mount).is_file() for mount in files)
    used = {network for service in services for network in service["networks"]}
    assert used == set(compose["networks"])


def test_images_are_pinned(compose):
    for name, service in compose["services"].items():
        image = re.sub(r"\$\{\w+:-(.*)\}", r"\1", service["image"])
        tag = image.rpartition(":")[2]
        assert tag
        assert tag != "latest", name


def test_settings_of_the_app_are_documented_ones(compose):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`(IMGSIM_\w+)`", readme))
    for name in APPS:
        assert set(compose["services"][name]["environment"]) <= documented


def test_app_servers_are_alike_and_keep_galleries_elsewhere(compose):
    one, other = (compose["services"][name] for name in APPS)
    assert one == other
    assert one["read_only"]
    assert one["environment"]["IMGSIM_STORE"] == "milvus://milvus:19530"
    assert {"milvus"} == set(one["depends_on"])
    # The image that the Dockerfile builds, with what Milvus needs
    dockerfile = (DEPLOY / one["build"]["context"] / "Dockerfile").read_text(encoding="utf-8")
    assert set(one["build"]["args"]) <= set(re.findall(r"(?m)^ARG (\w+)", dockerfile))


def test_milvus_finds_what_was_added_just_now(compose):
    milvus = compose["services"]["milvus"]["environment"]
    assert milvus["QUERYNODE_SEGCORE_INTERIMINDEX_ENABLEINDEX"] == "false"


def test_only_the_balancer_is_open_and_no_password_is_written_down(compose):
    services = compose["services"]
    assert [name for name, service in services.items() if "ports" in service] == ["balancer"]
    assert compose["networks"]["back"]["internal"]
    for name in ("milvus", "etcd", "minio"):
        assert services[name]["networks"] == ["back"]
    secrets = [
        value
        for service in services.values()
        for name, value in service.get("environment", {}).items()
        if re.search("PASSWORD|SECRET|TOKEN", name)
    ]
    assert len(secrets) == 4
    assert all(re.fullmatch(r"\$\{\w+:[-?].*\}", value) for value in secrets)


def test_the_balancer_keeps_visitors_with_a_server_that_is_ready(compose, balancer):
    servers = re.findall(r"(?m)^    server (\S+) (\S+):(\d+) cookie (\S+)$", balancer)
    assert [(name, host, cookie) for name, host, _, cookie in servers] == [(a, a, a) for a in APPS]
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert {port for _, _, port, _ in servers} == set(re.findall(r"EXPOSE (\d+)", dockerfile))
    assert re.search(r"cookie \S+ insert indirect nocache", balancer)
    assert "option httpchk GET /api/ready" in balancer
    assert re.search(r"timeout tunnel \d+h", balancer)
    (ports,) = compose["services"]["balancer"]["ports"]
    assert f"bind :{ports.rpartition(':')[2]}\n" in balancer
