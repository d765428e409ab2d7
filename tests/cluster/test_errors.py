import pytest

from cluster import errors
from cluster.errors import (
    BundleError,
    ConfigError,
    DataError,
    LockedError,
    PloutosError,
    RiskHaltedError,
    UsageError,
)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (PloutosError, 1),
        (DataError, 1),
        (BundleError, 1),
        (UsageError, 2),
        (ConfigError, 3),
        (LockedError, 4),
        (RiskHaltedError, 5),
    ],
)
def test_each_kind_has_the_exit_code_of_the_design(kind: type[PloutosError], code: int) -> None:
    assert kind("it failed").exit_code == code


def test_every_error_of_the_module_is_a_ploutos_error() -> None:
    kinds = [value for value in vars(errors).values() if isinstance(value, type)]

    assert len(kinds) == 7
    assert all(issubclass(kind, PloutosError) for kind in kinds)


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (("no bars",), "no bars"),
        (("no bars", "the file is empty"), "no bars: the file is empty"),
        (("no bars", "", "make demo"), "no bars\n  next: make demo"),
        (("no bars", "it is empty", "make demo"), "no bars: it is empty\n  next: make demo"),
    ],
)
def test_the_text_holds_what_why_and_the_next_command(parts: tuple[str, ...], text: str) -> None:
    assert str(PloutosError(*parts)) == text
