"""The pieces of the batched path, against RLlib's own."""

import numpy as np
import pytest
import torch
from gymnasium.spaces import MultiDiscrete
from ray.rllib.core.columns import Columns
from ray.rllib.core.distribution.torch.torch_distribution import TorchMultiCategorical
from ray.rllib.evaluation.postprocessing import Postprocessing

from train.learners.rllib_module import RLlibChoices
from train.learners.rllib_runner import EpisodeTally, Rollout

ASSETS = 4


class TestChoices:
    """Logits in 3 blocks of A, beside RLlib's in A blocks of 3."""

    blocks = torch.randn(50, 3, ASSETS, generator=torch.Generator().manual_seed(0))
    actions = torch.randint(0, 3, (50, ASSETS), generator=torch.Generator().manual_seed(1))

    def mine(self) -> RLlibChoices:
        return RLlibChoices.from_logits(self.blocks.flatten(1))

    def theirs(self) -> TorchMultiCategorical:
        flat = self.blocks.transpose(1, 2).flatten(1)
        return TorchMultiCategorical.from_logits(flat, input_lens=[3] * ASSETS)

    def test_log_probability_and_entropy(self) -> None:
        torch.testing.assert_close(self.mine().logp(self.actions), self.theirs().logp(self.actions))
        torch.testing.assert_close(self.mine().entropy(), self.theirs().entropy())

    def test_divergence(self) -> None:
        other = RLlibChoices.from_logits(self.blocks.flip(0).flatten(1))
        flat = self.blocks.flip(0).transpose(1, 2).flatten(1)
        theirs = TorchMultiCategorical.from_logits(flat, input_lens=[3] * ASSETS)

        torch.testing.assert_close(self.mine().kl(other), self.theirs().kl(theirs))

    def test_the_deterministic_one_takes_the_likeliest(self) -> None:
        found = self.mine().to_deterministic().sample()

        torch.testing.assert_close(found, self.blocks.argmax(1))

    def test_draws_have_the_shape_of_actions(self) -> None:
        drawn = self.mine().sample()

        assert drawn.shape == (50, ASSETS)
        assert set(drawn.unique().tolist()) <= {0, 1, 2}

    def test_it_cannot_be_reparametrised(self) -> None:
        with pytest.raises(NotImplementedError):
            self.mine().rsample()

    def test_it_needs_three_logits_an_asset(self) -> None:
        assert RLlibChoices.required_input_dim(MultiDiscrete([3] * ASSETS)) == 3 * ASSETS


class TestTally:
    def test_an_episode_is_counted_over_rollouts_and_its_reset_is_not(self) -> None:
        tally, all_valid = EpisodeTally.of(2), np.array([True, True])

        tally.add(np.array([1.0, 10.0]), all_valid, np.array([False, False]))
        tally.add(np.array([2.0, 20.0]), all_valid, np.array([True, False]))
        tally.add(np.array([9.0, 30.0]), np.array([False, True]), np.array([False, False]))
        tally.add(np.array([4.0, 40.0]), all_valid, np.array([True, True]))

        assert tally.finished == [(2, 3.0), (1, 4.0), (4, 100.0)]
        assert tally.lengths.tolist() == [0, 0]
        assert tally.returns.tolist() == [0.0, 0.0]


class TestRollout:
    def rollout(self) -> Rollout:
        """Three steps of two environments; the first one ends at step 0 and resets in step 1."""
        rollout = Rollout()
        for step in range(3):
            rollout.observations.append(np.full((2, 5), step, np.float32))
            rollout.actions.append(np.full((2, ASSETS), step))
            rollout.logits.append(np.full((2, 3 * ASSETS), step, np.float32))
            rollout.log_probs.append(np.full(2, -float(step), np.float32))
            rollout.rewards.append(np.array([1.0, 2.0]))
            rollout.terminated.append(np.array([step == 0, False]))
            rollout.truncated.append(np.array([False, False]))
            rollout.valid.append(np.array([step != 1, True]))
        rollout.observations.append(np.full((2, 5), 3, np.float32))
        return rollout

    def test_reset_steps_are_left_out_of_every_column(self) -> None:
        values = np.zeros((4, 2), np.float32)

        batch = self.rollout().batch(values, gamma=0.5, gae_lambda=1.0)

        assert {len(column) for column in batch.values()} == {5}
        np.testing.assert_array_equal(batch[Columns.OBS][:, 0], [0, 0, 1, 2, 2])
        np.testing.assert_array_equal(batch[Columns.ACTIONS][:, 0], [0, 0, 1, 2, 2])

    def test_advantages_are_discounted_rewards_where_values_are_zero(self) -> None:
        values = np.zeros((4, 2), np.float32)

        batch = self.rollout().batch(values, gamma=0.5, gae_lambda=1.0)

        # environment 0: 1 (ended), 1; environment 1: 2 + 0.5 (2 + 0.5 * 2), 2 + 0.5 * 2, 2
        wanted = [1.0, 3.5, 3.0, 1.0, 2.0]
        np.testing.assert_allclose(batch[Postprocessing.ADVANTAGES], wanted)
        np.testing.assert_allclose(batch[Postprocessing.VALUE_TARGETS], wanted)

    def test_targets_are_advantages_plus_values(self) -> None:
        values = np.arange(8, dtype=np.float32).reshape(4, 2)

        batch = self.rollout().batch(values, gamma=0.9, gae_lambda=0.9)

        kept = values[:-1][np.array([[True, True], [False, True], [True, True]])]
        difference = batch[Postprocessing.VALUE_TARGETS] - batch[Postprocessing.ADVANTAGES]
        np.testing.assert_allclose(difference, kept, atol=1e-5)

    def test_columns_are_single_precision(self) -> None:
        batch = self.rollout().batch(np.zeros((4, 2), np.float32), gamma=0.9, gae_lambda=0.9)

        for name in (Columns.OBS, Columns.ACTION_LOGP, Postprocessing.ADVANTAGES):
            assert batch[name].dtype == np.float32
