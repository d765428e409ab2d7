"""How the suite is ordered and handed out to processes (`-n`), and what all folders may use."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sharing import end_group, group_of, once, place_of


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: place_of(item.nodeid))


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    if nextitem is None or group_of(nextitem.nodeid) != group_of(item.nodeid):
        end_group()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    config.option.loadscopereorder = False  # hand out in the order of collection
    return ByGroup(config, log)


@pytest.fixture
def local_ray() -> None:
    """A private Ray with two CPUs for all tests of its group."""
    from cluster.ray_runtime import attached_ray

    def private_ray() -> Any:
        return attached_ray(num_cpus=2)

    once(private_ray)


@contextmanager
def _headless() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
    with sync_playwright() as playwright:
        process = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        yield process
        process.close()


@pytest.fixture
def chromium() -> Any:
    """A headless browser for all tests of its group; they are skipped where there is none.

    Playwright keeps an event loop in this thread while it runs: `asyncio.run` would fail.
    """
    if shutil.which("chromium") is None:
        pytest.skip("chromium is not installed")
    return once(_headless)
