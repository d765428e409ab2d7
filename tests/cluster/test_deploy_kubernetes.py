"""The Kubernetes manifests, as far as they can be checked without a cluster."""

import importlib
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from places import ROOT
from train.sweep.__main__ import check_arguments

FOLDER = ROOT / "cluster" / "deploy" / "kubernetes"
KINDS = {
    "storage.yaml": ("v1", "PersistentVolumeClaim"),
    "network-policy.yaml": ("networking.k8s.io/v1", "NetworkPolicy"),
    "ray-cluster.yaml": ("ray.io/v1", "RayCluster"),
    "ray-job.yaml": ("ray.io/v1", "RayJob"),
}
CLUSTER_KEYS = {
    "rayVersion",
    "authOptions",
    "enableInTreeAutoscaling",
    "autoscalerOptions",
    "headGroupSpec",
    "workerGroupSpecs",
}
LABEL = {"app.kubernetes.io/part-of": "ploutos"}
PINS = (ROOT / "constraints.txt").read_text()


def manifest(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((FOLDER / name).read_text()))


def clusters() -> dict[str, dict[str, Any]]:
    return {
        "RayCluster": manifest("ray-cluster.yaml")["spec"],
        "RayJob": manifest("ray-job.yaml")["spec"]["rayClusterSpec"],
    }


def pod_templates() -> Iterator[tuple[str, dict[str, Any]]]:
    for kind, cluster in clusters().items():
        yield f"{kind} head", cluster["headGroupSpec"]["template"]
        for group in cluster["workerGroupSpecs"]:
            yield f"{kind} {group['groupName']}", group["template"]
    yield "RayJob submitter", manifest("ray-job.yaml")["spec"]["submitterPodTemplate"]


@pytest.fixture(params=clusters(), ids=str)
def cluster(request: pytest.FixtureRequest) -> dict[str, Any]:
    return clusters()[request.param]


@pytest.fixture(params=dict(pod_templates()), ids=str)
def template(request: pytest.FixtureRequest) -> dict[str, Any]:
    return dict(pod_templates())[request.param]


def test_every_manifest_is_of_the_kind_that_its_name_says() -> None:
    found = {path.name: yaml.safe_load(path.read_text()) for path in FOLDER.iterdir()}

    assert {name: (one["apiVersion"], one["kind"]) for name, one in found.items()} == KINDS


def test_a_cluster_runs_the_pinned_ray_and_wants_a_token(cluster: dict[str, Any]) -> None:
    assert set(cluster) <= CLUSTER_KEYS
    assert f"\nray=={cluster['rayVersion']}\n" in PINS
    assert cluster["authOptions"] == {"mode": "token"}  # the operator makes the secret


def test_trials_run_on_gpu_workers_only(cluster: dict[str, Any]) -> None:
    head, (group,) = cluster["headGroupSpec"], cluster["workerGroupSpecs"]
    (worker,) = group["template"]["spec"]["containers"]

    assert head["rayStartParams"]["num-cpus"] == "0"
    assert 0 == group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    assert worker["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert worker["resources"]["limits"] == worker["resources"]["requests"]


def test_every_ray_start_parameter_exists_and_is_a_string(cluster: dict[str, Any]) -> None:
    from ray.scripts.scripts import start

    known = {option.lstrip("-") for parameter in start.params for option in parameter.opts}
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]

    for group in groups:
        assert set(group["rayStartParams"]) <= known
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())


def test_the_dashboard_leaves_loopback_only_where_a_submitter_needs_it() -> None:
    hosts = {
        kind: cluster["headGroupSpec"]["rayStartParams"]["dashboard-host"]
        for kind, cluster in clusters().items()
    }

    assert hosts == {"RayCluster": "127.0.0.1", "RayJob": "0.0.0.0"}
    assert all(
        cluster["headGroupSpec"]["serviceType"] == "ClusterIP" for cluster in clusters().values()
    )


def test_the_network_policy_covers_every_pod(template: dict[str, Any]) -> None:
    policy = manifest("network-policy.yaml")["spec"]

    assert template["metadata"]["labels"] == LABEL
    assert policy["podSelector"]["matchLabels"] == LABEL
    assert policy["policyTypes"] == ["Ingress"]
    assert policy["ingress"][0]["from"] == [{"podSelector": {"matchLabels": LABEL}}]
    assert "ports" in policy["ingress"][1]  # the operator may ask the dashboard, no more


def test_pods_are_not_root_and_run_the_image_of_this_version(template: dict[str, Any]) -> None:
    project = (ROOT / "pyproject.toml").read_text()
    (version,) = re.findall(r'^version = "(.*)"$', project, re.MULTILINE)
    spec = template["spec"]

    assert spec["securityContext"]["runAsNonRoot"] is True
    for container in spec["containers"]:
        assert container["image"] == f"REGISTRY/ploutos:{version}"
        assert container["resources"]["limits"]["memory"]
        assert not any("value" in variable for variable in container.get("env", []))


def test_ray_pods_mount_the_home_that_the_image_names(template: dict[str, Any]) -> None:
    spec = template["spec"]
    if spec["containers"][0]["name"] == "ray-job-submitter":
        assert "volumes" not in spec
        return
    claim = manifest("storage.yaml")
    (volume,) = spec["volumes"]

    assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert spec["containers"][0]["volumeMounts"] == [{"name": "home", "mountPath": "/mnt/ploutos"}]
    assert "PLOUTOS_HOME=/mnt/ploutos" in (ROOT / "cluster/deploy/Dockerfile").read_text()


def test_the_entrypoint_of_the_job_is_a_sweep_that_would_start() -> None:
    job = manifest("ray-job.yaml")["spec"]
    python, option, module, *arguments = shlex.split(job["entrypoint"])

    assert (python, option) == ("python", "-m")
    assert importlib.import_module(f"{module}.__main__").main
    check_arguments(arguments)
    assert job["backoffLimit"] == 0
    assert job["shutdownAfterJobFinishes"] is True
