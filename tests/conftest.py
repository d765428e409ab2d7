"""How the suite is ordered and handed out to processes (`-n`), and what all folders may use."""

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
