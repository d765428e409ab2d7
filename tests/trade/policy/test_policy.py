import numpy as np
import pytest

from cluster.errors import BundleError
from envs.observation import account_tail, lay_out
from serve.errors import PolicyUnavailableError
from trade.policy.actors import LocalPolicy
from trade.policy.policy import (
    AccountView,
    PolicyAnswer,
    checked,
    named_actions,
    named_probabilities,
)

BUNDLE = "0123456789abcdef"


def answer(*actions: int, bundle_id: str = BUNDLE) -> PolicyAnswer:
    return PolicyAnswer(np.array(actions), bundle_id)


def test_a_usable_answer_passes() -> None:
    given = answer(0, 1, 2)
    assert checked(given, 3, BUNDLE) is given


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (answer(0, 1), "expected 3 actions"),
        (answer(0, 1, 3), "expected 3 actions"),
        (answer(0, 1, -1), "expected 3 actions"),
        (PolicyAnswer(np.array([0.0, 1.0, 2.0]), BUNDLE), "expected 3 actions"),
        (PolicyAnswer(np.zeros((1, 3), int), BUNDLE), "expected 3 actions"),
        (answer(0, 1, 2, bundle_id="f" * 16), "instead of 0123456789abcdef"),
    ],
)
def test_an_unusable_answer_is_an_outage(wrong: PolicyAnswer, why: str) -> None:
    with pytest.raises(PolicyUnavailableError, match=why):
        checked(wrong, 3, BUNDLE)


def test_actions_and_probabilities_by_name() -> None:
    rows = np.array([[0.5, 0.25, 0.25], [0.123456, 0.876544, 0.0], [0.0, 0.0, 1.0]])
    given = PolicyAnswer(np.array([0, 1, 2]), BUNDLE, rows)
    symbols = ("XLK", "XLF", "XLE")
    assert named_actions(given, symbols) == {"XLF": "buy", "XLE": "sell"}
    assert named_probabilities(given, symbols) == {
        "XLK": [0.5, 0.25, 0.25],
        "XLF": [0.1235, 0.8765, 0.0],
        "XLE": [0.0, 0.0, 1.0],
    }
    assert named_probabilities(answer(0, 1, 2), symbols) is None


class Recorder:
    """An actor whose logits are the observation's own numbers."""

    class manifest:
        bundle_id = BUNDLE

    def logits(self, observation: np.ndarray) -> np.ndarray:
        self.observation = observation
        return observation[:, :6].reshape(1, 2, 3)


class Broken(Recorder):
    """Its own output is not finite."""

    def logits(self, observation: np.ndarray) -> np.ndarray:
        raise BundleError(
            "the policy cannot be trusted", "its output is not finite", "serve another"
        )


def test_a_bundle_in_this_process_whose_numbers_are_none_is_an_outage() -> None:
    account = AccountView(100.0, 100.0, 100.0, 100.0, np.zeros(1))
    with pytest.raises(PolicyUnavailableError, match="its output is not finite"):
        LocalPolicy(Broken()).decide(np.zeros((1, 1)), account, "2026-01-02T14:30:00Z", "id")


def test_a_bundle_in_this_process_sees_the_one_layout() -> None:
    # given two assets with three features
    features = np.array([[0.1, 3.0, 0.2], [5.0, 0.0, -1.0]], np.float32)
    account = AccountView(60.0, 100.0, 125.0, 80.0, np.array([30.0, 10.0]))
    actor = Recorder()
    # when it decides
    decided = LocalPolicy(actor).decide(features, account, "2026-01-02T14:30:00+00:00", "id")
    # then it saw features and account as the environments lay them out
    tail = account_tail(np.array([30.0, 10.0]), 60.0, 100.0, 125.0, 80.0)
    np.testing.assert_array_equal(actor.observation, lay_out(features, tail)[None])
    np.testing.assert_allclose(actor.observation[0, 6:], [0.3, 0.1, 0.6, 0.25, 0.2], rtol=1e-6)
    # and the likeliest action of each asset is taken
    assert decided.actions.tolist() == [1, 0]
    assert decided.bundle_id == BUNDLE
    assert decided.probabilities is not None
    np.testing.assert_allclose(decided.probabilities.sum(axis=1), 1.0, rtol=1e-6)
    odds = decided.probabilities[0, 1] / decided.probabilities[0, 0]
    assert odds == pytest.approx(np.exp(2.9), rel=1e-5)
