"""Numbers that are none mean HOLD for what they concern, are written down, and end nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from serve.errors import PolicyRefusedError, PolicyUnavailableError
from trade.bars.bar_table import decision_id
from trade.journal.events import Decision
from trade.journal.journal import read_journal
from trade.policy.policy import PolicyAnswer, checked, usable_features
from trade.session.replay import replay_table

BUNDLE = "0123456789abcdef"


def decisions(journal: Path) -> list[Decision]:
    return [r.event for r in read_journal(journal) if isinstance(r.event, Decision)]


class Buyer:
    """Buys everything, and keeps the features that it was shown."""

    def __init__(self) -> None:
        self.shown: list[np.ndarray] = []

    def decide(self, features, account, ts, decision_id) -> PolicyAnswer:
        self.shown.append(features)
        return PolicyAnswer(np.ones(len(features), int), BUNDLE, np.full((len(features), 3), 1 / 3))


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf, 10.5])
def test_a_symbol_without_usable_features_is_held_and_the_others_are_not(
    number: float, flat_table, request_for, journal: Path
) -> None:
    table = flat_table(bars=3, assets=3)
    table.features[0, 1, 1] = number
    policy = Buyer()

    result = replay_table(request_for(table, policy, journal), table)

    first, second = decisions(journal)
    assert list(first.actions) == ["S0", "S2"]
    assert first.held == {"S1": f"its features hold {number}"}
    assert first.failure is None
    assert list(second.actions) == ["S0", "S1", "S2"]
    assert second.held is None
    assert (result.policy_failures, result.fills) == (1, 3)
    # and the policy was shown zeros in their place, the other rows as they are
    np.testing.assert_array_equal(policy.shown[0][1], [0.0, 0.0])
    np.testing.assert_array_equal(policy.shown[0][::2], table.features[0, ::2])


def test_whole_features_are_passed_on_as_they_are(walk_table) -> None:
    table = walk_table()
    features, unusable = usable_features(table.features[3], table.symbols)
    np.testing.assert_array_equal(features, table.features[3])
    assert features.dtype == np.float32
    assert unusable == {}


def test_an_empty_slot_has_no_reason() -> None:
    assert usable_features(np.full((1, 2), np.nan, np.float32), ("",))[1] == {}


@pytest.mark.parametrize(
    "odds", [np.full((2, 3), np.nan), np.zeros((2, 2)), np.zeros((3, 3))], ids=["nan", "two", "3"]
)
def test_probabilities_that_are_none_are_an_outage(odds: np.ndarray) -> None:
    with pytest.raises(PolicyUnavailableError, match="its probabilities are not 2 rows of three"):
        checked(PolicyAnswer(np.zeros(2, int), BUNDLE, odds), 2, BUNDLE)


class Failing(Buyer):
    """Answers a bar with NaN, and then refuses to be asked at all."""

    def __init__(self, refused: str, broken: str) -> None:
        super().__init__()
        self.refused, self.broken = refused, broken

    def decide(self, features, account, ts, decision_id) -> PolicyAnswer:
        if decision_id == self.refused:
            raise PolicyRefusedError(401, "wrong_token", "no", why="HTTP 401", next_command="mend")
        answer = super().decide(features, account, ts, decision_id)
        if decision_id == self.broken:
            return replace(answer, probabilities=np.full((len(features), 3), np.nan))
        return answer


def test_a_refusal_ends_the_session_and_resume_goes_on(
    flat_table, request_for, journal: Path
) -> None:
    # given: the policy answers bar 1 with NaN, and bar 2 with a refusal
    table = flat_table(bars=6, assets=2)
    policy = Failing(refused=decision_id(table, 2), broken=decision_id(table, 1))
    params = {"min_holding_period": 0}
    ask = request_for(table, policy, journal, params)

    with pytest.raises(PolicyRefusedError) as caught:
        replay_table(ask, table)

    # then it has ended with the refusal, exit code 3, and is not over
    assert caught.value.exit_code == 3
    assert [bool(d.failure) for d in decisions(journal)] == [False, True]
    # and with the refusal mended it goes on to its end
    policy.refused = ""
    result = replay_table(replace(ask, resume=True), table)
    assert [d.bar for d in decisions(journal)] == [0, 1, 2, 3, 4]
    assert result.policy_failures == 1
    assert read_journal(journal)[-1].kind == "session_ended"
