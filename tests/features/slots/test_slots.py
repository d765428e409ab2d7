"""Who sits in which slot: by month, by bar, at what price they leave, and nothing of the future."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.errors import DataError
from envs.from_bars import market_from_slots
from features import AlignedTable, SimulatedMarket
from features.bars.checks import check_bars
from features.bars.sessions import session_dates, sessions_from
from features.slots.bars import SlotRules, SlottedBars, slotted_bars
from features.slots.occupancy import Seating, seat
from features.slots.plan import EMPTY, SlotPlan, plan_slots, slot_names
from features.slots.scan import RECENT_SESSIONS, ScanRules
from features.slots.scan_monthly import MonthlyScans, daily_closes
from features.universe.sectors import GICS_SECTORS
from features.universe.universe import Universe

MARKET = SimulatedMarket(symbols=44, sessions=480, interval="1d", seed=3)
UNIVERSE = Universe.of_all(MARKET.sectors(), "simulated")
START = date(2017, 6, 1)  # session 357: features are warm from 350 on
RULES = SlotRules(start=START, scan=ScanRules(lookback=60, min_dollar_volume=0.0))


def picks(**sectors: list[str]) -> pl.DataFrame:
    """Picks by sector, best first."""
    rows = [(s, n, symbol) for s, names in sectors.items() for n, symbol in enumerate(names, 1)]
    return pl.DataFrame(rows, schema=["sector", "rank", "symbol"], orient="row")


def month(number: int) -> date:
    return date(2020, number, 1)


class TestPlan:
    def test_there_are_11_sectors_times_rank(self) -> None:
        assert len(slot_names(2)) == 22
        assert slot_names(2)[:3] == (
            "Communication Services/1",
            "Communication Services/2",
            "Consumer Discretionary/1",
        )

    def test_a_swap_of_ranks_moves_nobody_and_newcomers_take_what_is_free(self) -> None:
        scans = [["A", "B", "C"], ["B", "C", "A"], ["D", "C", "B"], ["E", "D"], []]
        plan = plan_slots([(month(n), picks(Energy=s)) for n, s in enumerate(scans, 1)], 3)

        at = plan.slots.index("Energy/1")
        seats = [holders[at : at + 3] for holders in plan.holders]
        assert seats[0] == seats[1] == ("A", "B", "C")
        assert seats[2] == ("D", "B", "C")
        assert seats[3] == ("D", "E", EMPTY)  # D is picked again; E takes the first that is free
        assert seats[4] == (EMPTY,) * 3
        assert plan.names == ("A", "B", "C", "D", "E")

    @given(
        st.lists(st.permutations("ABCDEF").map(lambda p: p[:3]), min_size=1, max_size=8),
        st.integers(0, 7),
    )
    def test_everybody_picked_sits_once_and_whoever_stays_does_not_move(
        self, scans: list[list[str]], cut: int
    ) -> None:
        months = [(month(n), picks(Utilities=s)) for n, s in enumerate(scans, 1)]
        plan = plan_slots(months, 3)
        at = plan.slots.index("Utilities/1")
        before: tuple[str, ...] = ()
        for scan, holders in zip(scans, plan.holders, strict=True):
            seats = holders[at : at + 3]
            assert sorted(seats) == sorted(scan)
            for symbol in set(before) & set(scan):
                assert seats.index(symbol) == before.index(symbol)
            before = seats
        # and later months change nothing
        assert plan_slots(months[: cut + 1], 3).holders == plan.holders[: cut + 1]


def table_of(sessions: int = 30, names: int = 3, a_day: int = 1) -> AlignedTable:
    """Bars from 2020-01-02 on that all trade; the open of name n at bar t is 100 n + 100 + t."""
    numbers = np.repeat(sessions_from(date(2020, 1, 2), sessions), a_day)
    hour = np.tile(np.arange(a_day), sessions).astype("timedelta64[h]")
    shape = (len(numbers), names)
    price = 100.0 * np.arange(1, names + 1) + np.arange(len(numbers))[:, None]
    return AlignedTable(
        ts=session_dates(numbers).astype("datetime64[us]") + hour,
        session=numbers,
        symbols=tuple("ABCDEFGH"[:names]),
        feature_names=("f",),
        open=price,
        high=price + 1,
        low=price - 1,
        close=price + 0.5,
        volume=np.ones(shape),
        volatility=np.ones(shape),
        tradable=np.ones(shape, bool),
        features=np.ones((*shape, 1), np.float32),
    )


def halted(table: AlignedTable, name: int, first: int, last: int) -> None:
    """Take the bars from `first` to `last`, both included, away from a name."""
    table.tradable[first : last + 1, name] = False
    for prices in (table.open, table.close):
        prices[first : last + 1, name] = table.close[first - 1, name]


def energy(*holders: tuple[str, str]) -> SlotPlan:
    """Two slots, month after month from January 2020 on."""
    firsts = (date(2020, 1, 2), date(2020, 2, 3), date(2020, 3, 2))
    return SlotPlan(("Energy/1", "Energy/2"), firsts[: len(holders)], holders)


FEBRUARY = 21  # bar of 2020-02-03, the first session of the month


def sitting(seating: Seating, bar: int) -> list[int]:
    found: list[int] = seating.occupant[bar].tolist()
    return found


class TestSeating:
    def test_slots_are_handed_over_at_the_open_of_the_months_first_session(self) -> None:
        table = table_of()
        assert session_dates(table.session)[FEBRUARY] == np.datetime64("2020-02-03")

        seating = seat(energy(("A", "B"), ("C", "B")), table)

        assert sitting(seating, FEBRUARY - 1) == [0, 1]
        assert sitting(seating, FEBRUARY) == [2, 1]
        assert seating.exit_price[FEBRUARY, 0] == table.open[FEBRUARY, 0] == 121.0
        assert np.count_nonzero(seating.exit_price) == 1

    def test_of_hourly_bars_it_is_the_first_of_the_day(self) -> None:
        seating = seat(energy(("A", "B"), ("C", "B")), table_of(a_day=7))

        assert np.flatnonzero(seating.exit_price[:, 0]).tolist() == [7 * FEBRUARY]

    @pytest.mark.parametrize("sessions", [1, 2, 4])
    def test_who_is_halted_keeps_the_slot_until_it_trades(self, sessions: int) -> None:
        table = table_of()
        back = FEBRUARY + sessions
        halted(table, 0, FEBRUARY, back - 1)

        seating = seat(energy(("A", "B"), ("C", "B")), table)

        assert sitting(seating, back - 1) == [0, 1]
        assert sitting(seating, back) == [2, 1]
        assert seating.exit_price[back, 0] == table.open[back, 0] == 100.0 + back

    def test_who_no_longer_trades_is_taken_out_at_the_last_close(self) -> None:
        table = table_of()
        halted(table, 0, FEBRUARY, 29)

        seating = seat(energy(("A", "B"), ("C", "B")), table)

        out = FEBRUARY - 1 + RECENT_SESSIONS  # five sessions after its last bar
        assert np.flatnonzero(seating.exit_price[:, 0]).tolist() == [out]
        assert seating.exit_price[out, 0] == table.close[FEBRUARY - 1, 0]

    def test_who_was_delisted_long_before_goes_at_once(self) -> None:
        table = table_of()
        halted(table, 0, 5, 29)

        seating = seat(energy(("A", "B"), ("C", "B")), table)

        assert sitting(seating, FEBRUARY - 1) == [0, 1]  # a month's names are the month's
        assert seating.exit_price[FEBRUARY, 0] == table.close[4, 0] == 104.5

    def test_an_emptied_slot_pays_its_leaver_and_is_not_tradable(self) -> None:
        table = table_of()
        seating = seat(energy(("A", "B"), (EMPTY, "B")), table)

        assert sitting(seating, FEBRUARY) == [-1, 1]
        assert seating.exit_price[FEBRUARY, 0] == 121.0
        assert not seating.gathered(table.tradable)[FEBRUARY, 0]
        assert seating.gathered(table.features)[FEBRUARY].tolist() == [[0.0], [1.0]]

    def test_two_names_can_change_slots_in_one_bar(self) -> None:
        seating = seat(energy(("A", "B"), ("B", "A")), table_of())

        assert sitting(seating, FEBRUARY) == [1, 0]
        assert seating.exit_price[FEBRUARY].tolist() == [121.0, 221.0]

    def test_who_cannot_leave_its_slot_does_not_sit_in_a_second_one(self) -> None:
        table = table_of()
        halted(table, 0, FEBRUARY, FEBRUARY + 1)

        seating = seat(energy(("A", "B"), ("C", "A")), table)

        assert sitting(seating, FEBRUARY) == [0, -1]  # B is sold, A waits for its first bar
        assert seating.exit_price[FEBRUARY].tolist() == [0.0, 221.0]
        assert sitting(seating, FEBRUARY + 2) == [2, 0]

    def test_before_the_plan_nobody_sits(self) -> None:
        plan = SlotPlan(("Energy/1",), (date(2020, 2, 3),), (("A",),))
        seating = seat(plan, table_of())
        assert (seating.occupant[:FEBRUARY] == -1).all()
        assert (seating.occupant[FEBRUARY:] == 0).all()
        assert not seating.exit_price.any()

    def test_a_name_without_bars_is_told(self) -> None:
        with pytest.raises(DataError, match="no bars for Z"):
            seat(energy(("A", "Z")), table_of())


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    return MARKET.bars()


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., SlottedBars]:
    folder = tmp_path_factory.mktemp("scans")

    def made(bars: pl.DataFrame, universe: Universe = UNIVERSE, kind: str = "v6") -> SlottedBars:
        return slotted_bars(bars, universe, RULES, kind, folder)

    return made


@pytest.fixture(scope="module")
def whole(make: Callable[..., SlottedBars], bars: pl.DataFrame) -> SlottedBars:
    return make(bars)


def test_the_slots_of_a_bar_are_the_names_own_numbers(whole: SlottedBars) -> None:
    market = market_from_slots(whole)

    assert market.num_assets == 22
    assert market.symbols == slot_names(2)
    table = whole.names
    assert market.tradable[0].any()
    for bar, slot in [(0, 0), (50, 7), (100, 21)]:
        column = market.occupant[bar, slot]
        sector = market.symbols[slot].split("/")[0]
        assert MARKET.sectors()[market.names[column]] == sector
        for name in ("close", "open", "volume", "volatility", "tradable", "features"):
            ours, own = getattr(market, name)[bar, slot], getattr(table, name)[bar, column]
            np.testing.assert_array_equal(ours, own)
    # and names do change
    assert np.count_nonzero(market.exit_price) > 20


def told(slotted: SlottedBars, day: date) -> list[object]:
    """Everything a trader is told up to a day, names by name."""
    market = market_from_slots(slotted)
    end = int(np.searchsorted(market.ts.astype("datetime64[D]"), np.datetime64(day), "right"))
    who = np.array([*market.names, ""])[market.occupant[:end]]
    arrays = [array[:end] for name, array in market.arrays().items() if name != "occupant"]
    return [who, *arrays]


@settings(max_examples=6, deadline=None)
@given(st.integers(375, 470), st.integers(0, 2**31), st.sampled_from(["cut", "scrambled"]))
@pytest.mark.parametrize("kind", ["v6", "sectors"])
def test_nothing_after_a_day_changes_what_was_told_up_to_it(
    bars: pl.DataFrame, make: Callable[..., SlottedBars], kind: str, cut: int, seed: int, what: str
) -> None:
    day = bars["ts"].dt.date().unique().sort()[cut]
    past, later = (
        bars.filter(pl.col("ts").dt.date() <= day),
        bars.filter(pl.col("ts").dt.date() > day),
    )
    if what == "scrambled":  # other prices, half of the names gone, and the rest leaves the index
        random = np.random.default_rng(seed)
        level = pl.Series(random.uniform(0.5, 2.0, later.height))
        prices = pl.col("open", "high", "low", "close") * level
        gone = random.permutation(MARKET.tickers())[:22].tolist()
        later = later.with_columns(prices).filter(~pl.col("symbol").is_in(gone))
        past = pl.concat([past, later]).sort("symbol", "ts")
    for ours, theirs in zip(
        told(make(past, kind=kind), day), told(make(bars, kind=kind), day), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_who_leaves_the_index_leaves_its_slot_at_the_next_month(
    bars: pl.DataFrame, whole: SlottedBars, make: Callable[..., SlottedBars]
) -> None:
    held = whole.names.symbols[whole.seating.occupant[25, 0]]
    ends = pl.when(pl.col("symbol") == held).then(date(2017, 8, 15)).otherwise(None)
    spells = UNIVERSE.spells.with_columns(end_date=ends.cast(pl.Date))
    shrunk = Universe(spells, UNIVERSE.sectors, "test", UNIVERSE.retrieved)

    market = market_from_slots(make(bars, shrunk))

    days = market.ts.astype("datetime64[D]")
    sits = np.array([*market.names, ""])[market.occupant] == held
    assert sits[days < np.datetime64("2017-09-01")].any()
    assert not sits[days >= np.datetime64("2017-09-01")].any()


def test_scans_are_kept_by_what_they_read(bars: pl.DataFrame, tmp_path: Path) -> None:
    scans = MonthlyScans.of(bars, UNIVERSE, tmp_path)
    as_of = date(2017, 6, 30)
    found = scans.scan(as_of, RULES.scan)
    (path,) = tmp_path.glob("*.json")

    # bars of later days read the same file, which is believed
    path.write_text(path.read_text().replace(f'"{found.symbols[0]}"', '"KEPT"'))
    cut = bars.filter(pl.col("ts").dt.date() <= as_of)
    assert MonthlyScans.of(cut, UNIVERSE, tmp_path).scan(as_of, RULES.scan).symbols[0] == "KEPT"
    # another close, other rules or another member do not
    changed = bars.with_columns(close=pl.col("close") * (1 + 1e-12))
    other = Universe.of_all({**MARKET.sectors(), "NEW": GICS_SECTORS[0]}, "more")
    for bars_, universe, rules in [
        (changed, UNIVERSE, RULES.scan),
        (bars, UNIVERSE, ScanRules(lookback=61, min_dollar_volume=0.0)),
        (bars, other, RULES.scan),
    ]:
        again = MonthlyScans.of(bars_, universe, tmp_path).scan(as_of, rules)
        assert again.symbols[0] == found.symbols[0]
    assert len(list(tmp_path.glob("*.json"))) == 4


def test_hourly_bars_are_scanned_by_their_sessions() -> None:
    hourly = SimulatedMarket(symbols=2, sessions=12).bars()
    daily = daily_closes(check_bars(hourly, origin="here"))

    of_one = hourly.filter(pl.col("symbol") == "SIMB01").with_columns(day=pl.col("ts").dt.date())
    expected = of_one.group_by("day").agg(pl.col("close").last(), pl.col("volume").sum())
    found = daily.filter(pl.col("symbol") == "SIMB01")
    assert daily.height == 24
    assert found["ts"].dt.date().to_list() == expected.sort("day")["day"].to_list()
    assert found["close"].to_list() == expected.sort("day")["close"].to_list()
    assert found["volume"].to_list() == expected.sort("day")["volume"].to_list()


def test_too_short_a_history_for_any_scan_is_told(tmp_path: Path) -> None:
    bars = SimulatedMarket(symbols=11, sessions=30, interval="1d").bars()
    with pytest.raises(DataError, match="nobody is eligible from 2016-01-04"):
        slotted_bars(
            bars, UNIVERSE, SlotRules(start=date(2016, 1, 4), scan=RULES.scan), "v6", tmp_path
        )


def test_slot_rules_are_read_back() -> None:
    assert SlotRules.from_dict(RULES.to_dict()) == RULES
