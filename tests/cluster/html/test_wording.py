"""Numbers and names as a reader sees them."""

import pytest

from cluster.html.wording import count, minus, number, percent, readable, short


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (number(1.005), "1.00"),
        (number(-0.126), "−0.13"),
        (number(None), "–"),
        (percent(0.1234), "12.3 %"),
        (percent(-0.00155, digits=3), "−0.155 %"),
        (count(4845.0), "4,845"),
        (minus("-3.0"), "−3.0"),
        (short(0.00123456), "0.00123"),
        (short(64), "64"),
        (short("relu"), "relu"),
        (readable("buy_and_hold SPY"), "buy and hold SPY"),
    ],
)
def test_a_reader_sees(written: str, expected: str) -> None:
    assert written == expected
