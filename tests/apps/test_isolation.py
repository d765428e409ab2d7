"""The commands in the environments of other people: containers, companies, other projects."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cluster.servers import free_port
from features import SimulatedMarket
from places import ROOT

STRANGER = 12345  # a uid that no file of users knows
OTHER_PROJECT = "# of another project\nBROKER=ib\nDB_PORT=tcp://10.96.0.5:5432\nPLOUTOS_HOME=\n"
NOBODY = "http://127.0.0.1:9"  # where no proxy listens
RUN = """
import sys, json
from cluster.entry.prepare import prepare_process
prepare_process()
from apps.cli.cli import run
for line in json.loads(sys.argv[1]):
    code = run(line)
    print(f"code {code} of {line[:2]}", file=sys.stderr, flush=True)
"""


@dataclass
class Place:
    """Where a stranger's process runs, what it finds there, and what it is started by."""

    folder: Path
    env: dict[str, str]
    prefix: tuple[str, ...] = ()

    def call(self, *args: object) -> "subprocess.CompletedProcess[str]":
        """Run a program of our Python here."""
        return subprocess.run(
            [*self.prefix, sys.executable, *map(str, args)],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=240,
        )

    def ploutos(self, *args: object) -> "subprocess.CompletedProcess[str]":
        """Run one command line as a process of its own."""
        return self.call("-m", "apps.cli", *args)


def no_home(place: Place) -> None:
    del place.env["HOME"]


def container(place: Place) -> None:
    """Code that cannot be written to, and a number for a user: no name, no home."""
    no_home(place)
    enter = (
        f"mount --bind {ROOT} {ROOT} && mount -o remount,ro,bind {ROOT} && "
        f'exec unshare --user --map-user={STRANGER} --map-group={STRANGER} "$@"'
    )
    place.prefix = ("unshare", "--mount", "sh", "-c", enter, "sh")
    if subprocess.run([*place.prefix, "true"], capture_output=True, check=False).returncode:
        pytest.skip("namespaces for users and mounts are not permitted here")


def no_columns(place: Place) -> None:
    place.env["COLUMNS"] = "0"


def proxies(place: Place) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        place.env |= {name: NOBODY, name.upper(): NOBODY}


def other_project(place: Place) -> None:
    """Its `.env`, its variables, its packages in the current folder and on PYTHONPATH."""
    (place.folder / ".env").write_text(OTHER_PROJECT)
    place.env |= {"DB_PORT": "tcp://10.96.0.5:5432", "BROKER": "ib", "RAY_AUTH_MODE": "disabled"}
    for name in ("features", "cluster"):
        (place.folder / name).mkdir()
        (place.folder / name / "__init__.py").write_text("raise SystemExit('not ours')\n")
    (place.folder / "train.py").write_text("raise SystemExit('not ours')\n")
    place.env["PYTHONPATH"] = f"{place.folder}{os.pathsep}{place.env['PYTHONPATH']}"


def other_app(place: Place) -> None:
    """Another Streamlit app's settings."""
    place.env |= {"STREAMLIT_SERVER_PORT": "1", "STREAMLIT_SERVER_BASE_URL_PATH": "else"}
    if "HOME" in place.env:
        (Path(place.env["HOME"]) / ".streamlit").mkdir()
        (Path(place.env["HOME"]) / ".streamlit" / "config.toml").write_text(
            '[server]\nbaseUrlPath = "elsewhere"\nsslCertFile = "/nowhere"\n'
        )


def ascii_only(place: Place) -> None:
    for name in ("LANG", "LC_CTYPE"):
        place.env.pop(name, None)
    place.env |= {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}


ENVIRONMENTS: dict[str, tuple[Callable[[Place], None], ...]] = {
    "no home folder": (no_home,),
    "a container": (container, no_columns),
    "a company": (proxies,),
    "another project": (other_project,),
    "ASCII": (ascii_only, no_columns),
}
ALL_AT_ONCE = (no_columns, proxies, other_project, other_app, ascii_only, container)


def lines(place: Place) -> list[list[str]]:
    """The commands that need no server."""
    bars = str(place.folder / "bärs.csv")
    return [
        ["doctor", "--json"],
        ["demo", "--help"],
        ["data", "import", bars],
        ["data", "status"],
        ["features", "check"],
    ]


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that every user may use; pytest's own are for us alone."""
    path = Path(tempfile.mkdtemp(prefix="isolation-"))
    path.chmod(0o777)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def place(folder: Path) -> Place:
    """A new user's account with a file of bars; nothing of ours in its environment."""
    (folder / "me").mkdir()
    bars = SimulatedMarket(symbols=2, sessions=20, interval="1d", seed=3).bars()
    bars.write_csv(folder / "bärs.csv")
    kept = ("PATH", "OMP_NUM_THREADS", "COVERAGE_PROCESS_START", "RAY_DISABLE_IMPORT_WARNING")
    env = {name: os.environ[name] for name in kept if name in os.environ}
    return Place(folder, env | {"HOME": str(folder / "me"), "PYTHONPATH": str(ROOT)})


@pytest.mark.slow
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_commands_work_in_the_environment_of(name: str, place: Place) -> None:
    for change in ENVIRONMENTS[name]:
        change(place)
    asked = lines(place)

    done = place.call(
        "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{RUN}", json.dumps(asked)
    )

    codes = [line for line in done.stderr.splitlines() if line.startswith("code ")]
    assert codes == [f"code 0 of {line[:2]}" for line in asked], done.stderr
    assert "Example: ploutos demo" in done.stdout
    assert "0 violations" in done.stdout
    assert (place.folder / ".ploutos" / "lake").is_dir()


@pytest.mark.slow
def test_servers_start_where_all_of_it_comes_together(place: Place, filled_template: Path) -> None:
    shutil.copytree(filled_template, place.folder / ".ploutos")
    for path in (place.folder / ".ploutos", *(place.folder / ".ploutos").rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    for change in ALL_AT_ONCE:
        change(place)

    up = place.ploutos("serve", "up", "--port", free_port(), "--json")
    down = place.ploutos("serve", "down", "--json")

    assert up.returncode == 0, up.stdout + up.stderr
    assert json.loads(up.stdout)["url"].startswith("http://127.0.0.1:")
    assert json.loads(down.stdout)["ended"]


@pytest.mark.chaos
@pytest.mark.parametrize("name", ENVIRONMENTS)
@pytest.mark.parametrize("number", range(5))
def test_each_command_is_a_process_of_its_own(name: str, number: int, place: Place) -> None:
    for change in ENVIRONMENTS[name]:
        change(place)
    if number == 3:
        assert place.ploutos(*lines(place)[2]).returncode == 0

    done = place.ploutos(*lines(place)[number])

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
