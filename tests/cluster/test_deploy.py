"""The deploy files, as far as they can be checked without a cloud."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

from places import ROOT
from train.sweep.__main__ import check_arguments

DEPLOY = ROOT / "cluster" / "deploy"
HOW_TO = ROOT / "docs" / "how-to"
LAUNCHER_FILES = ("aws", "gcp")
PLACEHOLDERS = {"AMI_ID", "SECURITY_GROUP_ID", "PROJECT_ID", "REGISTRY"}
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
PAGES = {
    "aws.yaml": "aws.md",
    "gcp.yaml": "gcp.md",
    "Dockerfile": "kubernetes.md",
    "Dockerfile.dockerignore": "kubernetes.md",
    "storage.yaml": "kubernetes.md",
    "network-policy.yaml": "kubernetes.md",
    "ray-cluster.yaml": "kubernetes.md",
    "ray-job.yaml": "kubernetes.md",
}


def launcher(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / f"{name}.yaml").read_text()))


def pinned(package: str) -> str:
    pins = (ROOT / "constraints.txt").read_text()
    found = re.search(rf"^{re.escape(package)}==(\S+)$", pins, re.MULTILINE)
    assert found, package
    return found.group(1)


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    else:
        yield str(value)


@pytest.mark.parametrize("name", LAUNCHER_FILES)
def test_ray_accepts_the_launcher_file(name: str) -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = prepare_config(launcher(name))

    validate_config(config)
    assert config["provider"]["type"] == name
    assert config["available_node_types"]["gpu_worker"]["resources"]["GPU"] == 1
    assert config["available_node_types"]["head"]["resources"] == {"CPU": 0}


def test_a_misspelt_key_would_be_found() -> None:
    import jsonschema
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = prepare_config(launcher("aws") | {"idle_timeout": 5})

    with pytest.raises(jsonschema.ValidationError, match="idle_timeout"):
        validate_config(config)


@pytest.mark.parametrize("name", LAUNCHER_FILES)
def test_what_is_mounted_exists_and_is_enough_to_install_from(name: str) -> None:
    mounts: dict[str, str] = launcher(name)["file_mounts"]
    local = {Path(target).name: source for target, source in mounts.items()}

    token = local.pop("auth_token")

    assert token == "~/.ray/auth_token"  # by reference, never its text
    assert set(local) == {"pyproject.toml", "constraints.txt", "README.md", "LICENSE"}
    assert all((ROOT / source).is_file() for source in local.values())
    project = (ROOT / "pyproject.toml").read_text()
    assert 'readme = "README.md"' in project
    assert 'license-files = ["LICENSE"]' in project


@pytest.mark.parametrize("name", LAUNCHER_FILES)
def test_every_ray_start_wants_a_token_and_the_dashboard_stays_on_loopback(name: str) -> None:
    config = launcher(name)
    heads = [line for line in config["head_start_ray_commands"] if "ray start" in line]
    workers = [line for line in config["worker_start_ray_commands"] if "ray start" in line]

    assert len(heads) == len(workers) == 1
    assert all("RAY_AUTH_MODE=token ray start" in line for line in heads + workers)
    assert "--dashboard-host=127.0.0.1" in heads[0]
    assert "chmod 600 ~/.ray/auth_token" in config["setup_commands"]
    assert not any("0.0.0.0" in text for text in strings(config))


@pytest.mark.parametrize("name", LAUNCHER_FILES)
def test_every_option_of_ray_start_exists(name: str) -> None:
    from ray.scripts.scripts import start

    config = launcher(name)
    known = {option for parameter in start.params for option in parameter.opts}
    commands = [*config["head_start_ray_commands"], *config["worker_start_ray_commands"]]

    used = {option for command in commands for option in re.findall(r"--[a-z-]+", command)}

    assert "--head" in used
    assert used <= known


@pytest.mark.parametrize("name", LAUNCHER_FILES)
def test_every_shell_command_is_one(name: str) -> None:
    config = launcher(name)
    kinds = [key for key in config if key.endswith("_commands")]
    commands = [command for kind in kinds for command in config[kind]]
    commands += config["available_node_types"]["gpu_worker"]["initialization_commands"]

    for command in commands:
        done = subprocess.run(
            ["bash", "-n", "-c", command], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"


@pytest.mark.parametrize("name", LAUNCHER_FILES)
def test_workers_mount_the_folder_that_the_head_exports(name: str) -> None:
    config = launcher(name)
    head = " ".join(config["initialization_commands"])
    worker = " ".join(config["available_node_types"]["gpu_worker"]["initialization_commands"])
    setup = " ".join(config["setup_commands"])

    assert "/mnt/ploutos 1" in head  # to a private range, not to *
    assert "*(rw" not in head
    assert "$RAY_HEAD_IP:/mnt/ploutos /mnt/ploutos" in worker
    assert "PLOUTOS_HOME=/mnt/ploutos" in setup


@pytest.mark.parametrize("name", LAUNCHER_FILES)
def test_the_launcher_installs_the_pinned_packages_for_a_supported_python(name: str) -> None:
    setup = launcher(name)["setup_commands"]
    project = (ROOT / "pyproject.toml").read_text()

    installs = [line for line in setup if "pip install" in line and "constraint" in line]
    (python,) = re.findall(r"--python (3\.\d+)", " ".join(setup))

    assert len(installs) == 1
    assert "--constraint constraints.txt ." in installs[0]
    assert f'requires-python = ">={python}"' in project


def test_the_image_is_ray_at_the_pinned_version() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()

    (base,) = [line for line in lines if line.startswith("FROM ")]

    assert base == f"FROM rayproject/ray:{pinned('ray')}-py311-gpu"
    assert metadata.version("ray") == pinned("ray")


def test_the_image_copies_what_exists_and_every_package() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    copied = [
        name
        for line in text.splitlines()
        if line.startswith("COPY")
        for name in line.split()[2:-1]  # less COPY, --chown and the target
    ]
    project = (ROOT / "pyproject.toml").read_text()
    (found,) = re.findall(r"include = \[(.*)\]", project)
    packages = set(re.findall(r'"(\w+)\*"', found))

    assert packages <= set(copied)
    assert {"pyproject.toml", "constraints.txt", "README.md", "LICENSE"} <= set(copied)
    assert all((ROOT / name).exists() for name in copied)
    assert "--constraint constraints.txt" in text
    assert "RAY_AUTH_MODE=token" in text
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == set(copied)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_secret_and_no_unknown_placeholder(path: Path) -> None:
    text = path.read_text()

    assert not re.search(r"(?i)(password|secret|api_?key|auth_token)\s*[:=]\s*['\"]?\w{6,}", text)
    assert not re.search(r"\b[0-9a-f]{32,}\b|AKIA[0-9A-Z]{16}|BEGIN [A-Z ]*PRIVATE KEY", text)
    named = {name for name in PLACEHOLDERS if re.search(rf"\b{name}\b", text)}
    page = (HOW_TO / PAGES[path.name]).read_text()
    assert all(name in page for name in named)
    assert path.relative_to(ROOT).as_posix() in page


PAGE_FILES = sorted(HOW_TO.glob("*.md"))
CLUSTER_PAGES = [page for page in PAGE_FILES if page.name in {"jobs.md", *PAGES.values()}]


@pytest.mark.parametrize("page", PAGE_FILES, ids=lambda path: path.stem)
def test_a_page_names_only_files_that_exist(page: Path) -> None:
    text = page.read_text()
    links = [link for link in re.findall(r"\]\(([^)#:]+)\)", text)]
    files = re.findall(r"\bcluster/deploy/[\w./-]+\w", text)

    assert files or links or page not in CLUSTER_PAGES
    assert all((page.parent / link).exists() for link in links)
    assert all((ROOT / file).exists() for file in files)


def shown_commands(page: Path) -> Iterator[str]:
    for block in re.findall(r"```\n(.*?)```", page.read_text(), re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            yield line.partition("  #")[0].strip()


@pytest.mark.parametrize("page", CLUSTER_PAGES, ids=lambda path: path.stem)
def test_every_sweep_that_a_page_shows_would_start(page: Path) -> None:
    sweeps = [
        line for line in shown_commands(page) if "train.sweep" in line or "job submit" in line
    ]

    assert sweeps
    for line in sweeps:
        arguments = re.split(r"python -m train\.sweep|job submit.* --(?= )", line)[-1]
        check_arguments(shlex.split(arguments))


@pytest.mark.parametrize("page", PAGE_FILES, ids=lambda path: path.stem)
def test_every_ploutos_command_and_make_target_that_a_page_shows_exists(page: Path) -> None:
    from typer.main import get_command

    from apps.cli.cli import app

    nouns: Any = get_command(app)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    for line in shown_commands(page):
        words = line.split()
        if words[:1] == ["ploutos"]:
            noun = nouns.get_command(None, words[1])
            assert noun is not None, line
            assert not hasattr(noun, "commands") or words[2] in noun.commands, line
        if words[:1] == ["make"]:
            assert words[1] in targets, line
