"""Every registered broker keeps the rules of the port; so does the one of the how-to page."""

import re

import pytest
from broker_conformance import BrokerConformance, MakeBroker

from cluster.errors import ConfigError
from places import ROOT
from trade.brokers import registry
from trade.brokers.port import BrokerSetup
from trade.brokers.registry import BROKERS, create_broker

PAGE = ROOT / "docs" / "how-to" / "broker.md"


class TestRegisteredBrokers(BrokerConformance):
    @pytest.fixture(params=sorted(BROKERS))
    def make_broker(self, request: pytest.FixtureRequest) -> MakeBroker:
        return lambda setup: create_broker(request.param, setup)


class TestTheBrokerOfTheHowToPage(BrokerConformance):
    @pytest.fixture
    def make_broker(self) -> MakeBroker:
        (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
        names: dict[str, type] = {"__name__": "trade.brokers.fixed_spread"}
        exec(compile(code, str(PAGE), "exec"), names)
        return names["FixedSpreadBroker"]


def test_the_page_names_what_is_there() -> None:
    text = PAGE.read_text()
    for path in set(re.findall(r"`((?:trade|tests)/[\w/]+\.py)`", text)) - {
        "trade/brokers/fixed_spread.py"
    }:
        assert (ROOT / path).is_file(), path
    assert f"BROKERS in `{registry.__name__.replace('.', '/')}.py`" in text


def test_an_unknown_broker_is_refused_by_name(flat_table) -> None:
    with pytest.raises(ConfigError, match="no broker ploutos"):
        create_broker("ploutos", BrokerSetup(seats=None, v6=None, account=None))
