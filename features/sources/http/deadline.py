"""A call that is over in time, whatever it waits for."""

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, call: Callable[[], T]) -> T:
    """Do `call` in a thread of its own, and leave it behind when it takes too long.

    A socket's timeout runs anew with every byte, and name resolution has none at all; this one
    covers both. The thread that is left behind ends with its connection, or with the process.

    Raises:
        TimeoutError: `call` is not done after `seconds`.
    """
    outcome: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()

    def work() -> None:
        try:
            outcome.put((call(), None))
        except BaseException as error:
            outcome.put((None, error))

    Thread(target=work, daemon=True, name="bar-source").start()
    try:
        value, error = outcome.get(timeout=max(0.0, seconds))
    except Empty:
        raise TimeoutError(f"no whole answer within {seconds:.1f} s") from None
    if error is not None:
        raise error
    return value  # type: ignore[return-value]
