"""The training loop. It draws nothing and prints nothing: progress reaches the caller through a callback."""

from __future__ import annotations

import copy
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from style_transfer.errors import InputFileError, TrainingError
from style_transfer.losses.perceptual import PerceptualLoss
from style_transfer.networks.style_model import StyleModel
from style_transfer.runtime.device import is_out_of_memory
from style_transfer.runtime.threads import usable_cpus
from style_transfer.training.average import Average
from style_transfer.training.checkpoint import check_same_run
from style_transfer.training.config import TrainingConfig
from style_transfer.training.dataset import PhotoBatches
from style_transfer.training.distributed import Peers
from style_transfer.training.objective import weighted_losses
from style_transfer.training.optimizer import make_optimizer, set_learning_rate

_TIMED_STEPS = 2  # by which the length of a run is told
_SNAPSHOT_EVERY = 50  # steps between the states that a loss gone astray falls back to
_MOST_FALLBACKS = 5
_MOST_OVERFLOWS = 5  # of gradients, one after another
_WORKERS = 6  # processes, at most, that read photos for a GPU; a CPU is busy enough with the network


@dataclass(frozen=True)
class Progress:
    """State of a run after a step, for the callback. Losses are unweighted; ``total`` is the weighted sum."""

    step: int
    done: float  #: 0..1
    seconds_left: float
    losses: dict[str, float]
    notice: str | None = None  #: something the user should read


class Trainer:
    """Trains ``model`` in place against ``loss`` on crops of ``photos``.

    What the step with number k draws depends on the seed and k alone: a run that is stopped, saved with
    :meth:`state`, and gone on with is on the CPU the same, bit for bit, as one that never stopped, unless
    it is the clock that ends it.
    """

    def __init__(
        self,
        model: StyleModel,
        loss: PerceptualLoss,
        photos: Sequence[Path],
        config: TrainingConfig,
        *,
        device: torch.device,
        precision: torch.dtype = torch.float32,
        peers: Peers | None = None,
    ) -> None:
        self.config, self.device, self.precision = config, device, precision
        self.model = model.to(device)
        self.model.network.train().to(memory_format=torch.channels_last)
        self.loss = loss.to(device).to(memory_format=torch.channels_last)
        self.photos = list(photos)
        self.peers = peers or Peers()
        model.network.requires_grad_(not config.styles_only)
        self.optimizer = make_optimizer(model, config.lr)
        modules = model.network, model.bank
        self.parameters = [p for module in modules for p in module.parameters() if p.requires_grad]
        self.scaler = self._new_scaler()
        self.batch_size = config.batch_size
        self.step = 0
        self.seconds = 0.0  # trained so far, resumed runs counted in
        self.lr_factor = 1.0  # halved at each fallback
        self.temporal_share = 0.0  # of the temporal loss; a run that is extended does not unlearn it
        self.history: list[dict[str, float]] = []
        self.skipped: set[str] = set()  #: photos that could not be read
        self._good: dict[str, Any] | None = None
        self._fallbacks = self._overflows = 0
        self.peers.broadcast(self.parameters)
        self.average = Average(self.parameters)  #: what is shown and saved

    @property
    def photos_per_step(self) -> int:
        """Distinct photos in a batch; each is painted in ``batch_size / photos_per_step`` styles."""
        most = min(self.config.styles_per_photo, len(self.model.styles))
        share = max(n for n in range(1, most + 1) if self.batch_size % n == 0)
        return self.batch_size // share

    def run(
        self,
        on_progress: Callable[[Progress], None] = lambda _: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Train to the end of the run, or until ``should_stop``; True if the end was reached.

        Raises ``TrainingError`` if the loss does not stay finite, leaving the last good weights in place, or
        if not even one picture fits the memory, and ``InputFileError`` if hardly any photo can be read.
        """
        self._good = self.state()
        batches = self._batches()
        last = time.perf_counter()
        while self.config.progress(self.step, self.seconds) < 1:
            if self.peers.any(should_stop(), self.device):
                return False
            crops = self._next(batches)
            try:
                losses = self._train_step(crops)
            except RuntimeError as error:
                self._halve_batch(error)
                batches = self._batches()
                self._report(on_progress, {}, f"out of memory: the batch size is now {self.batch_size}")
                continue
            if losses is None:
                self._fall_back()
                batches = self._batches()
                notice = (
                    f"the loss was no longer finite: back to step {self.step} with half the learning rate"
                )
                self._report(on_progress, {}, notice)
                continue
            self.average.update(self.step)
            self.step += 1
            now = time.perf_counter()
            self.seconds = self.peers.mean(self.seconds + now - last, self.device)
            last = now
            self.history.append({"step": self.step, **losses})
            if self.step % _SNAPSHOT_EVERY == 0:
                self._good, self._fallbacks = self.state(), 0
            self._report(on_progress, losses)
        return True

    def seconds_per_step(self) -> float:
        """How long a step takes, measured after one to warm up; leaves the weights as they are.

        Halves the batch until it fits the memory; raises as :meth:`run` does.
        """
        while True:
            try:
                return self._measure()
            except RuntimeError as error:
                self._halve_batch(error)

    def _measure(self) -> float:
        batches = self._batches()
        took = 0.0
        for i in range(_TIMED_STEPS + 1):
            start = time.perf_counter()
            crops = self._next(batches)
            with self._autocast():
                total, _losses = self._losses(crops, self.config.temporal_weight)
            total.backward()  # type: ignore[no-untyped-call]
            if (gradient := self.parameters[0].grad) is not None:
                float(gradient.sum())  # reading a number waits for a GPU, of whatever make
            self.optimizer.zero_grad()
            took += (time.perf_counter() - start) if i else 0.0
        return took / _TIMED_STEPS

    def state(self) -> dict[str, Any]:
        """Everything :meth:`load_state` needs to go on exactly; plain values and tensors only."""
        return {
            **copy.deepcopy(self._identity()),
            "training": dict(self.model.training),
            "network": copy.deepcopy(self.model.network.state_dict()),
            "bank": copy.deepcopy(self.model.bank.state_dict()),
            "average": copy.deepcopy(self.average.means),
            "scaler": self.scaler.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "lr_factor": self.lr_factor,
            "temporal_share": self.temporal_share,
            "batch_size": self.batch_size,
            "history": list(self.history),
        }

    def _identity(self) -> dict[str, Any]:
        """The parts of a state that :func:`check_same_run` looks at; no copies."""
        return {
            "optimizer": self.optimizer.state_dict(),
            "description": {**self.model.describe(), "training": {}},
            "config": asdict(self.config),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Raises ``InputFileError`` for the state of another network or other styles."""
        check_same_run(state, self._identity())
        self.model.training = dict(state["training"])
        self.model.network.load_state_dict(state["network"])
        self.model.bank.load_state_dict(state["bank"])
        self.average.restore(state["average"])
        # A copy: the optimizer keeps the tensors that it is given, and writes into them.
        self.optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))
        if state["scaler"]:  # a run in float16 goes on from one that was none
            self.scaler.load_state_dict(state["scaler"])
        self.step, self.seconds, self.lr_factor = state["step"], state["seconds"], state["lr_factor"]
        self.temporal_share = state["temporal_share"]
        if state["config"]["batch_size"] == self.config.batch_size:  # else the user has just changed it
            self.batch_size = state["batch_size"]
        self.history = list(state["history"])

    def _batches(self) -> Iterator[tuple[Tensor, list[str]]]:
        crop = self.config.image_size
        data = PhotoBatches(
            self.photos, self.photos_per_step, crop, seed=self.config.seed, rank=self.peers.rank
        )
        workers = 0 if self.device.type == "cpu" else min(_WORKERS, usable_cpus())
        return data.from_step(self.step, workers=workers)

    def _next(self, batches: Iterator[tuple[Tensor, list[str]]]) -> Tensor:
        crops, skipped = next(batches)
        self.skipped.update(skipped)
        if len(crops) < self.photos_per_step:
            raise InputFileError(
                f"of {len(skipped) + len(crops)} photos tried only {len(crops)} can be read, "
                f"not '{skipped[-1]}'; check the folder given to --dataset"
            )
        return crops

    def _halve_batch(self, error: RuntimeError) -> None:
        """After ``error`` for want of memory; raises it again if it is of another kind or nothing helps."""
        if not is_out_of_memory(error):
            raise error
        if self.batch_size == 1 or self.peers.size > 1:
            raise TrainingError(
                "out of memory; try a smaller --batch-size, --image-size or --width"
            ) from error
        self.batch_size //= 2
        # A step that broke off may have left it between two of its calls, from where it takes no other step.
        state, self.scaler = self.scaler.state_dict(), self._new_scaler()
        if state:
            self.scaler.load_state_dict(state)

    def _new_scaler(self) -> torch.amp.GradScaler:
        return torch.amp.GradScaler(self.device.type, enabled=self.precision == torch.float16)

    def _train_step(self, crops: Tensor) -> dict[str, float] | None:
        """One update; the losses, or None (and no update) if they are not finite, or gradients stay so.

        Now and then a gradient overflows: each norm multiplies it where a photo is flat. Such a step is one
        without an update.
        """
        lr = self.config.learning_rate(self.step, self.seconds) * self.lr_factor
        set_learning_rate(self.optimizer, lr)
        self.optimizer.zero_grad()
        share = self.config.temporal_share(self.step, self.seconds)
        self.temporal_share = max(share, self.temporal_share)
        with self._autocast():
            total, losses = self._losses(crops, self.temporal_share * self.config.temporal_weight)
        self.scaler.scale(total).backward()  # type: ignore[no-untyped-call]
        # Averaged before the scaler looks for overflows, so that all processes find the same.
        self.peers.average([p.grad for p in self.parameters if p.grad is not None])
        self.scaler.unscale_(self.optimizer)
        gradient = torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        values = torch.stack([*losses.values(), total.detach()]).float()
        numbers = self.peers.average([values])[0].tolist()
        # With fp16 the scaler itself skips a step whose gradients overflow, and lowers its scale (else 1).
        updates = bool(torch.isfinite(gradient)) or self.scaler.get_scale() > 1
        self._overflows = 0 if updates else self._overflows + 1
        healthy = all(map(math.isfinite, numbers)) and self._overflows <= _MOST_OVERFLOWS
        if healthy and updates:
            self.scaler.step(self.optimizer)
        self.scaler.update()
        return dict(zip([*losses, "total"], numbers, strict=True)) if healthy else None

    def _losses(self, crops: Tensor, temporal_weight: float) -> tuple[Tensor, dict[str, Tensor]]:
        photos = crops.to(self.device, non_blocking=True).float().div_(255)
        photos = photos.contiguous(memory_format=torch.channels_last)
        seed = random.Random(f"styles {self.config.seed} {self.step} {self.peers.rank}").getrandbits(63)
        generator = torch.Generator().manual_seed(seed)
        return weighted_losses(
            self.model, self.loss, photos, self.batch_size, self.config, temporal_weight, generator
        )

    def _autocast(self) -> torch.autocast:
        half = self.precision != torch.float32
        return torch.autocast(self.device.type, self.precision if half else torch.bfloat16, enabled=half)

    def _fall_back(self) -> None:
        assert self._good is not None
        self._fallbacks, self._overflows = self._fallbacks + 1, 0
        kept = {"lr_factor": self.lr_factor / 2, "seconds": self.seconds, "batch_size": self.batch_size}
        self.load_state({**self._good, **kept})
        if self._fallbacks > _MOST_FALLBACKS:
            raise TrainingError("the loss does not stay finite; try a lower --lr or --precision fp32")

    def _report(
        self, on_progress: Callable[[Progress], None], losses: dict[str, float], notice: str | None = None
    ) -> None:
        done = self.config.progress(self.step, self.seconds)
        left = self.seconds * (1 - done) / done if done else math.inf
        on_progress(Progress(self.step, done, left, losses, notice))
