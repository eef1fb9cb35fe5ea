"""What a step minimises: each painting next to its own photo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from style_transfer.training.objective import weighted_losses


def test_each_painting_is_compared_with_its_own_photo(make: Any) -> None:
    trainer, photos, seen = make(batch_size=4), torch.rand(2, 3, 64, 64), {}
    trainer.model.network.register_forward_pre_hook(lambda _, given: seen.update(photos=given[0]))

    class Loss:
        content_targets = staticmethod(trainer.loss.content_targets)

        def __call__(self, output: Tensor, content: Sequence[Tensor], _mixes: Tensor) -> dict[str, Tensor]:
            seen.update(content=content)
            return {"content": output.mean()}

    generator = torch.Generator().manual_seed(0)
    weighted_losses(trainer.model, Loss(), photos, 4, trainer.config, 0.0, generator)  # type: ignore[arg-type]
    assert torch.equal(seen["photos"], photos[[0, 0, 1, 1]])
    for found, expected in zip(seen["content"], trainer.loss.content_targets(seen["photos"]), strict=True):
        torch.testing.assert_close(found, expected)
