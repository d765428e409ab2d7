"""One three-way choice for each asset, as one tensor operation instead of A distributions."""

import torch
from torch import Tensor

_SMALLEST = torch.finfo(torch.float32).tiny


class Choices:
    """Independent categorical choices from logits (B, 3, A); the softmax is taken when needed."""

    def __init__(self, logits: Tensor) -> None:
        self.raw = logits
        self._log: Tensor | None = None

    @property
    def log_probabilities(self) -> Tensor:
        """(B, 3, A)."""
        if self._log is None:
            self._log = torch.log_softmax(self.raw, dim=-2)
        return self._log

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """(B, A) draws, by the Gumbel-max rule: argmax of logits plus Gumbel noise."""
        noise = torch.empty_like(self.raw).exponential_(generator=generator)
        return _highest(self.raw - noise.clamp_min(_SMALLEST).log())

    def mode(self) -> Tensor:
        """(B, A) the most likely choices."""
        return _highest(self.raw)

    def log_prob(self, actions: Tensor) -> Tensor:
        """Log probability of the (B, A) choices taken together: (B,)."""
        index = actions.long().unsqueeze(-2)
        return self.log_probabilities.gather(-2, index).squeeze(-2).sum(-1)

    def entropy(self) -> Tensor:
        """(B,) in nats, the sum over the assets."""
        log = self.log_probabilities
        return -(log.exp() * log).sum((-1, -2))

    def divergence(self, other: "Choices") -> Tensor:
        """Kullback-Leibler divergence from `other` to this: (B,) in nats."""
        log = self.log_probabilities
        return (log.exp() * (log - other.log_probabilities)).sum((-1, -2))


def _highest(scores: Tensor) -> Tensor:
    """(B, 3, A) -> (B, A); `max` is 10 times faster here than `argmax` on a CPU."""
    return scores.max(dim=-2).indices
