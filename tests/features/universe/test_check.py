"""A list of today is told from a choice of the day."""

from datetime import UTC, date, datetime
from math import comb

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.universe.check import MIN_CHANCE, chance_of_no_leaver, universe_faults
from features.universe.universe import SECTOR_SCHEMA, SPELL_SCHEMA, Universe
from places import DATA

CHOSEN_ON, UNTIL = date(2014, 1, 2), date(2023, 12, 29)
LEFT, JOINED = date(2018, 6, 1), date(2019, 3, 4)


@pytest.fixture(scope="module")
def universe() -> Universe:
    """Of 100 members, 60 stay, 40 leave in 2018, and 40 others come in 2019."""
    stayed = [(f"S{n:02d}", None, None, "") for n in range(60)]
    left = [(f"L{n:02d}", None, LEFT, "") for n in range(40)]
    joined = [(f"J{n:02d}", JOINED, None, "") for n in range(40)]
    return Universe(
        pl.DataFrame([*stayed, *left, *joined], schema=SPELL_SCHEMA, orient="row"),
        pl.DataFrame([], schema=SECTOR_SCHEMA),
        "a test",
        datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_who_joined_later_is_named_with_the_day(universe: Universe) -> None:
    told = universe_faults(universe, ["S00", "J03", "L01", "J07"], CHOSEN_ON, UNTIL)

    assert told == [
        "J03 was not in the index on 2014-01-02: it joined on 2019-03-04",
        "J07 was not in the index on 2014-01-02: it joined on 2019-03-04",
    ]


def test_who_had_left_before_is_named(universe: Universe) -> None:
    told = universe_faults(universe, ["L00"], date(2018, 6, 1), UNTIL)

    assert told == ["L00 was not in the index on 2018-06-01"]


def test_todays_list_is_found_even_where_all_were_in_already(universe: Universe) -> None:
    """Twenty that were members then; that none of them would leave, nobody knew then."""
    told = universe_faults(universe, [f"S{n:02d}" for n in range(20)], CHOSEN_ON, UNTIL)

    (fault,) = told
    assert fault.startswith("all 20 members of 2014-01-02 that were chosen are still in")
    assert "of all 100 members, 60 are: by chance 8e-06" in fault


def test_a_small_choice_may_be_lucky(universe: Universe) -> None:
    assert universe_faults(universe, [f"S{n:02d}" for n in range(12)], CHOSEN_ON, UNTIL) == []


def test_blind_choices_are_hardly_ever_blamed(universe: Universe) -> None:
    members = universe.members(CHOSEN_ON)
    random = np.random.default_rng(0)

    blamed = sum(
        bool(universe_faults(universe, random.choice(members, 12, False), CHOSEN_ON, UNTIL))
        for _ in range(200)
    )

    assert blamed == 0  # a blind 12 cannot fall below a chance of 1e-3


def test_funds_are_not_chosen_from_the_index(universe: Universe) -> None:
    assert universe_faults(universe, ["SPY", "XLE"], CHOSEN_ON, UNTIL) == []


@given(st.integers(1, 60), st.data())
def test_the_chance_is_hypergeometric(members: int, data: st.DataObject) -> None:
    stayed = data.draw(st.integers(0, members))
    chosen = data.draw(st.integers(0, members))

    exact = comb(stayed, chosen) / comb(members, chosen)

    assert chance_of_no_leaver(members, stayed, chosen) == pytest.approx(exact, rel=1e-9)


@pytest.mark.skipif(not (DATA / "membership.parquet").exists(), reason="no shared/data here")
def test_todays_list_of_the_real_index_is_found() -> None:
    from features.universe.files import universe_from_files

    real = universe_from_files(DATA / "membership.parquet", DATA / "constituents.parquet")
    then, today = set(real.members(CHOSEN_ON)), set(real.members(UNTIL))

    random = np.random.default_rng(0)
    ours = random.choice(sorted(then), 22, replace=False)
    naive = random.choice(sorted(today), 22, replace=False)
    survivors = random.choice(sorted(then & today), 22, replace=False)

    assert universe_faults(real, ours, CHOSEN_ON, UNTIL) == []
    assert any("joined on" in fault for fault in universe_faults(real, naive, CHOSEN_ON, UNTIL))
    chance = chance_of_no_leaver(len(then), len(then & today), 22)
    told = universe_faults(real, survivors, CHOSEN_ON, UNTIL)
    assert (chance < MIN_CHANCE) == bool(told)
