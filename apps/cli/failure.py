"""Every way a command can fail, as one message: what, why, the next command, an exit code."""

import errno
import json
import os
import sys
import traceback
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from typer import Abort, Exit, TyperException

from cluster.entry.streams import drop_stdout
from cluster.errors import PloutosError
from cluster.files import write_atomic

INTERRUPTED = 130
_FULL_DISK = "No space left on device"
_NO_FILE = {  # what is wrong with a path that a user gave
    *(errno.ENOENT, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENOTDIR, errno.EEXIST),
    *(errno.ENAMETOOLONG, errno.ELOOP, errno.EROFS, errno.ENXIO, errno.EINVAL),
}


@dataclass(frozen=True)
class Failure:
    """One failed command, ready to be printed."""

    kind: str
    what: str
    why: str
    next_command: str
    exit_code: int

    def text(self) -> str:
        """The message for a reader."""
        first = f"error: {self.what}" + (f": {self.why}" if self.why else "")
        return f"{first}\n  next: {self.next_command}" if self.next_command else first

    def document(self) -> dict[str, dict[str, str | int]]:
        """The message for a program."""
        return {
            "error": {
                "kind": self.kind,
                "what": self.what,
                "why": self.why,
                "next": self.next_command,
                "exit_code": self.exit_code,
            }
        }


def report_failure(error: BaseException, as_json: bool, help_command: str = "") -> int:
    """Print one failure and return the exit code; `PLOUTOS_DEBUG=1` adds the traceback.

    Args:
        error: What was raised.
        as_json: Print it as JSON.
        help_command: What to call next where the error itself knows nothing better.
    """
    failure = failure_of(error)
    if not failure.next_command and failure.exit_code != INTERRUPTED:
        failure = replace(failure, next_command=help_command)
    if os.environ.get("PLOUTOS_DEBUG") == "1":
        traceback.print_exception(error, file=sys.stderr)
    if not (as_json and _printed(json.dumps(failure.document(), indent=2))):
        sys.stderr.write(failure.text() + "\n")
    return failure.exit_code


def _printed(text: str) -> bool:
    """Whether stdout took the text; what it did not take is dropped."""
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except OSError:
        drop_stdout()
        return False
    return True


def failure_of(error: BaseException) -> Failure:
    """Name an exception for a user."""
    known = _known(error)
    if known is not None:
        return _from_ploutos(known)
    if isinstance(error, KeyboardInterrupt | Abort):
        return Failure("Interrupted", "interrupted", "", "", INTERRUPTED)
    if isinstance(error, Exit):
        return Failure("Exit", "stopped", "", "", error.exit_code)
    if isinstance(error, TyperException):
        return _from_usage(error)
    if disk_is_full(error):
        return _from_full_disk(error)
    if isinstance(error, OSError) and error.filename is not None and error.errno in _NO_FILE:
        return _from_path(error)
    if isinstance(error, ImportError):
        return _from_import(error)
    return _unexpected(error)


def _known(error: BaseException) -> PloutosError | None:
    """The `PloutosError` that `error` is, or carries as its cause (as Ray's task errors do)."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, PloutosError):
            return seen
        seen = seen.__cause__ or getattr(seen, "cause", None)
    return None


def _from_ploutos(error: PloutosError) -> Failure:
    return Failure(type(error).__name__, error.what, error.why, error.next_command, error.exit_code)


def _from_usage(error: TyperException) -> Failure:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "ploutos"
    message = error.format_message().strip().rstrip(".")
    return Failure("UsageError", message, "", f"{path} --help", error.exit_code)


def disk_is_full(error: BaseException) -> bool:
    """Whether the cause is a full disk, whichever library met it."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return _FULL_DISK in str(error)


def _from_full_disk(error: BaseException) -> Failure:
    path = getattr(error, "filename", None)
    what = f"cannot write {path}" if path else "cannot write"
    advice = "free some space (df -h), or set PLOUTOS_HOME to another disk, then run it again"
    return Failure("PloutosError", what, "the disk is full", advice, 1)


def _from_path(error: OSError) -> Failure:
    what = f"cannot read or write {os.fspath(error.filename)}"
    advice = "give a file or a folder that you may use (ls -ld), or set PLOUTOS_HOME to another"
    return Failure("PloutosError", what, error.strerror or "", advice, 1)


def _from_import(error: ImportError) -> Failure:
    """Name the file that was imported in the place of the right one, or where it is missing."""
    module = sys.modules.get((error.name or "").partition(".")[0])
    places = (error.path, getattr(module, "__file__", None), *getattr(module, "__path__", ()))
    file = next((place for place in places if place), "not installed")
    advice = "if that file is none of Ploutos or its packages, move it away or unset PYTHONPATH; "
    advice += "else make setup"
    return Failure("ImportError", f"cannot import {error.name}", f"{error} ({file})", advice, 1)


def _unexpected(error: BaseException) -> Failure:
    log = _write_log(error)
    advice = "run it again with PLOUTOS_DEBUG=1 for the traceback"
    if log is not None:
        advice += f" (also in {log})"
    summary = str(error).strip().splitlines()
    why = f"{type(error).__name__}: {summary[0]}" if summary else type(error).__name__
    return Failure("Unexpected", "unexpected failure", why, advice, 1)


def _write_log(error: BaseException) -> Path | None:
    """Keep the traceback under the home; None where the home cannot be written."""
    from cluster.settings import home

    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    try:
        path = home().logs / f"error-{stamp}-{os.getpid()}.log"
        text = "".join(traceback.format_exception(error))
        write_atomic(path, text.encode(errors="backslashreplace"), mode=0o600)
    except (OSError, PloutosError):
        return None
    return path
