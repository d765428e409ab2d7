"""What is closed at the end of its `with` block."""

from abc import ABC, abstractmethod
from typing import Self


class Closing(ABC):
    """Something that holds a file, a connection or a process until `close`."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
