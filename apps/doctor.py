"""What this machine and this home need for Ploutos to work, each with how to mend it."""

import os
import shutil
import stat
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

from cluster.entry.compiled_code import compiled_code_folder
from cluster.errors import PloutosError
from cluster.ray_runtime import check_cluster, ray_address
from cluster.servers import port_holder, port_is_free
from cluster.settings import ENV_FILE, Home, Settings, load_settings

PORTS = {8700: "ploutos serve", 8501: "ploutos app", 8265: "Ray dashboard"}
MIN_MEMORY_GIB = 4.0
MIN_DISK_GIB = 2.0
STALE_AFTER = timedelta(days=4)  # a long weekend
_KEYS = (
    "alpaca_paper_api_key",
    "alpaca_paper_secret_key",
    "etoro_api_key",
    "etoro_user_key",
    "massive_api_key",
    "polygon_api_key",
)


@dataclass(frozen=True)
class Check:
    """One line of the doctor's table."""

    name: str
    ok: bool
    found: str
    fix: str = ""
    essential: bool = False


def examine(home: Home) -> list[Check]:
    """Every check, in the order in which they should be mended."""
    return [
        _python(),
        _cores(),
        _memory(),
        _writable(home),
        _disk(home),
        _compiled_code(),
        _env_file(),
        _ray(),
        *(_port(port, user) for port, user in PORTS.items()),
        _calendar(),
        _bars(home),
        _journal(home),
        *_keys(load_settings()),
    ]


def _python() -> Check:
    found = ".".join(str(part) for part in sys.version_info[:3])
    ok = sys.version_info >= (3, 11)
    return Check("python", ok, found, "install Python 3.11 or newer", essential=True)


def _cores() -> Check:
    cores = len(os.sched_getaffinity(0))
    threads = os.environ.get("OMP_NUM_THREADS", "unset")
    ok = threads == "1"
    return Check("cores", ok, f"{cores}, OMP_NUM_THREADS {threads}", "export OMP_NUM_THREADS=1")


def _memory() -> Check:
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    fix = f"training wants {MIN_MEMORY_GIB:.0f} GiB: use fewer environments (tune run --scenario)"
    return Check("memory", gib >= MIN_MEMORY_GIB, f"{gib:.1f} GiB", fix)


def _existing(path: Path) -> Path:
    """The path, or its nearest parent that exists."""
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _writable(home: Home) -> Check:
    fix = "set PLOUTOS_HOME to a folder you may write"
    try:
        with tempfile.TemporaryFile(dir=_existing(home.root)):
            pass
    except OSError as error:
        return Check("home", False, f"{home.root}: {error.strerror}", fix, essential=True)
    return Check("home", True, f"{home.root}, writable", fix, essential=True)


def _disk(home: Home) -> Check:
    gib = shutil.disk_usage(_existing(home.root)).free / 2**30
    fix = "free some space (df -h), or set PLOUTOS_HOME to another disk"
    return Check("disk", gib >= MIN_DISK_GIB, f"{gib:.1f} GiB free", fix, essential=True)


def _compiled_code() -> Check:
    return Check("compiled code", True, f"kept {compiled_code_folder()}")


def _env_file() -> Check:
    path = Path(ENV_FILE).absolute()
    if not path.is_file():
        return Check(ENV_FILE, True, "none")
    mode = stat.S_IMODE(path.stat().st_mode)
    return Check(ENV_FILE, not mode & 0o077, f"{path}, mode {mode:04o}", f"chmod 600 {path}")


def _ray() -> Check:
    address, mode = ray_address(), os.environ.get("RAY_AUTH_MODE") or "unset"
    where = f"cluster {address}" if address else "this machine, a token for every private Ray"
    found = f"{version('ray')}, {where}, RAY_AUTH_MODE {mode}"
    try:
        if address:
            check_cluster(address)
    except PloutosError as error:
        return Check("ray", False, f"{error.what}: {error.why}", error.next_command)
    fix = "export RAY_AUTH_MODE=token on every node of a cluster: without, all may run code there"
    return Check("ray", mode != "disabled", found, fix)


def _port(port: int, user: str) -> Check:
    free = port_is_free(port)
    found = "free" if free else f"held by {port_holder(port) or 'another process'}"
    fix = "fine if that is Ploutos itself; else end it, or choose another with --port"
    return Check(f"port {port}", free, f"{found} ({user})", fix)


def _calendar() -> Check:
    from features.bars.sessions import is_half_day

    today = datetime.now(UTC).date()
    fix = f"set this machine's clock if today is not {today}, else make setup"
    ahead = today + timedelta(days=30)
    try:
        is_half_day(ahead)
        half_day = is_half_day(date(2026, 11, 27))
    except (PloutosError, ValueError) as error:
        return Check("calendar", False, str(error).splitlines()[0], fix, essential=True)
    return Check("calendar", half_day, f"XNYS known to {ahead} and on", fix, essential=True)


def _bars(home: Home) -> Check:
    from apps.cli.readers import newest_bar

    fix = "ploutos data import FILE"
    newest = newest_bar(home)
    if newest is None:
        return Check("bars", True, "none imported (the demo simulates its own)", fix)
    fresh = datetime.now(UTC) - newest.ts <= STALE_AFTER or newest.source.startswith("simulated")
    return Check("bars", fresh, f"newest {newest.ts:%Y-%m-%d %H:%M} UTC, {newest.source}", fix)


def _journal(home: Home) -> Check:
    from apps.cli.readers import newest_journal

    fix = "copy the file aside, then start another session (ploutos trade replay --session NAME)"
    log = newest_journal(home)
    if log is None:
        return Check("journal", True, "none yet")
    found = log.fault or f"{log.session}: whole, {len(log.records):,} records"
    return Check("journal", not log.fault, found, fix)


def _keys(settings: Settings) -> list[Check]:
    return [
        Check(
            name.upper(),
            True,
            "unset" if getattr(settings, name) is None else "set, ****",
            "put it in .env (chmod 600); not needed for the demo",
        )
        for name in _KEYS
    ]
