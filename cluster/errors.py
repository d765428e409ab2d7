"""Errors a user can act on: each says what happened, why, and the next command to run."""

from typing import ClassVar


class PloutosError(Exception):
    """An expected failure, printed without a traceback.

    Args:
        what: What happened, naming the thing it happened to.
        why: The cause, with the numbers that show it.
        next_command: A command, or a short advice, that gets the user on.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, why: str = "", next_command: str = "") -> None:
        super().__init__(what, why, next_command)
        self.what = what
        self.why = why
        self.next_command = next_command

    def __str__(self) -> str:
        """One line with what and why, and a second one with the next command."""
        first = f"{self.what}: {self.why}" if self.why else self.what
        return f"{first}\n  next: {self.next_command}" if self.next_command else first


class DataError(PloutosError):
    """Bars, features or a Market that cannot be trusted."""


class BundleError(PloutosError):
    """A policy bundle that is incomplete, tampered with, or made for something else."""


class UsageError(PloutosError):
    """The command was called wrongly."""

    exit_code = 2


class ConfigError(PloutosError):
    """A setting, scenario or credential is missing or wrong."""

    exit_code = 3


class LockedError(PloutosError):
    """Another process holds what this one needs."""

    exit_code = 4


class RiskHaltedError(PloutosError):
    """Trading is halted by a risk limit."""

    exit_code = 5
