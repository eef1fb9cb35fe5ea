"""Style transfer by optimisation: the pixels themselves are trained, one picture at a time.

Gatys et al. 2016, "Image style transfer using convolutional neural networks": L-BFGS, here with a line search
that holds the strong Wolfe conditions (Nocedal and Wright 2006, section 3.5), on the losses that networks are
trained with. Slow, and the best that these losses can give: the yardstick for one pass of a network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from style_transfer.evaluation.objective import Losses

_HISTORY = 20  # of L-BFGS: more takes memory and gains nothing in the hundreds of iterations

_MOST_EVALUATIONS = 26  # in an iteration; nearly always one or two


@dataclass(frozen=True)
class Iteration:
    """The state after an iteration; ``number`` 0 is the start."""

    number: int
    losses: dict[str, float]
    picture: Tensor  #: ``(1, 3, H, W)`` in 0..1, detached


def noise_like(photo: Tensor, seed: int) -> Tensor:
    """White noise of the photo's shape, evenly in 0..1, to start from."""
    generator = torch.Generator().manual_seed(seed % 2**63)
    return torch.rand(photo.shape, generator=generator).to(photo.device)


def optimise(
    losses: Losses,
    start: Tensor,
    iterations: int,
    on_iteration: Callable[[Iteration], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Tensor:
    """Lower ``losses(picture)["total"]`` from ``start`` ``(1, 3, H, W)`` in 0..1; the best picture.

    What is optimised is the picture as it is shown, clamped to 0..1. ``on_iteration`` also gets the start.
    Ends early when no step lowers the loss any more.
    """
    pixels = start.detach().clone(memory_format=torch.contiguous_format).requires_grad_()
    search = _Search(losses, pixels)
    optimizer = torch.optim.LBFGS(
        [pixels],
        max_iter=1,
        max_eval=_MOST_EVALUATIONS,
        history_size=_HISTORY,
        tolerance_grad=0,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )
    current = Iteration(0, *search.current())
    on_iteration(current)
    for number in range(1, iterations + 1):
        if should_stop():
            break
        optimizer.step(search)  # type: ignore[no-untyped-call]
        found, picture = search.current()
        if not found["total"] < current.losses["total"]:
            break
        current = Iteration(number, found, picture)
        on_iteration(current)
    return current.picture


class _Search:
    """The closure of the optimizer, which remembers the points of the last line search.

    The optimizer, asked for one iteration at a time, evaluates each time anew where its line search has
    ended: half of all work.
    """

    def __init__(self, losses: Losses, pixels: Tensor) -> None:
        self._losses, self._pixels = losses, pixels
        self._points: list[tuple[Tensor, Tensor, Tensor, dict[str, float]]] = []

    def __call__(self) -> Tensor:
        for at, known, slope, _ in self._points:
            if torch.equal(at, self._pixels):
                self._pixels.grad = slope.clone()
                return known
        self._pixels.grad = None
        with torch.enable_grad():
            found = self._losses(self._pixels.clamp(0, 1))
            found["total"].backward()  # type: ignore[no-untyped-call]
        assert self._pixels.grad is not None
        gradient = self._pixels.grad.clone()
        total = found["total"].detach()
        numbers = {name: float(value.detach()) for name, value in found.items()}
        self._points.append((self._pixels.detach().clone(), total, gradient, numbers))
        return total

    def current(self) -> tuple[dict[str, float], Tensor]:
        """Losses and picture where the pixels are now; forgets all other points."""
        self()
        self._points = [point for point in self._points if torch.equal(point[0], self._pixels)]
        return self._points[0][3], self._pixels.detach().clamp(0, 1)
