"""Errors of both ends of the endpoint."""

from cluster.errors import PloutosError


class PolicyUnavailableError(PloutosError):
    """No answer could be had: hold, and ask again at the next bar."""


class PolicyRefusedError(PloutosError):
    """The endpoint refuses the request: asking again will not help until somebody mends it.

    Args:
        status: HTTP status.
        code: The endpoint's name of the refusal, such as `wrong_token`.
        what: What was refused.
        why: The endpoint's reason.
        next_command: Its advice.
    """

    exit_code = 3

    def __init__(self, status: int, code: str, what: str, *, why: str, next_command: str) -> None:
        super().__init__(what, why, next_command)
        self.status = status
        self.code = code


class Refusal(Exception):
    """An answer other than 200, raised inside the endpoint."""

    def __init__(self, status: int, code: str, what: str, *, why: str, advice: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.what = what
        self.why = why
        self.advice = advice
