"""The mean of weights over the last steps of a run: what is shown and saved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

_MOST_STEPS = 100  # that the mean looks back over, at most; while much is learnt with each, a few


class Average:
    """Weights go to and fro while the learning rate is high; their mean lies between (Polyak, Juditsky 1992).

    So a run that is stopped, and each preview before its end, is nearly as good as with the rate let down.
    ``parameters`` are those that are trained; :meth:`update` follows each step.
    """

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self._parameters = parameters
        self.means = [parameter.detach().clone() for parameter in parameters]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """After the step with number ``step``, from 0."""
        share = 1 / (1 + min(_MOST_STEPS, step / 20))
        for mean, parameter in zip(self.means, self._parameters, strict=True):
            mean.lerp_(parameter, share)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within it the parameters hold their means."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def restore(self, means: Sequence[Tensor]) -> None:
        """Go on from ``means``, of the same parameters."""
        for mean, known in zip(self.means, means, strict=True):
            mean.copy_(known)

    def _swap(self) -> None:
        for number, parameter in enumerate(self._parameters):
            parameter.data, self.means[number] = self.means[number], parameter.data
