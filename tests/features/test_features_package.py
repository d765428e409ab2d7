import subprocess
import sys

import pytest

import features
from places import ROOT


def test_every_public_name_is_there():
    for name in features.__all__:
        assert getattr(features, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'compute_feature'"):
        _ = features.compute_feature


def test_nothing_is_loaded_before_it_is_asked_for():
    code = (
        "import sys, features\n"
        "assert 'polars' not in sys.modules\n"
        "from features import SimulatedMarket, check_bars\n"
        "heavy = {'pandas', 'exchange_calendars', 'duckdb', 'pyarrow', 'ray', 'torch'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )

    assert done.stdout.strip() == "[]"
