"""Training on several devices with ``torchrun``: each process has its own photos, gradients are averaged."""

from __future__ import annotations

import os
from collections.abc import Sequence

import torch
import torch.distributed as dist
from torch import Tensor


def local_device(name: str) -> str:
    """``name`` of a device, made this process's own where ``torchrun`` started one process a GPU."""
    rank = os.environ.get("LOCAL_RANK")
    own_gpu = rank is not None and (name == "cuda" or (name == "auto" and torch.cuda.is_available()))
    return f"cuda:{rank}" if own_gpu else name


def local_processes() -> int:
    """How many processes ``torchrun`` started on this machine; 1 without it."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


class Peers:
    """The processes that train together; alone, every operation returns its argument."""

    def __init__(self) -> None:
        active = dist.is_available() and dist.is_initialized()
        self.rank = dist.get_rank() if active else 0
        self.size = dist.get_world_size() if active else 1

    @classmethod
    def join(cls, device: torch.device) -> Peers:
        """Join the group that ``torchrun`` announces in the environment; alone if there is none."""
        if "WORLD_SIZE" in os.environ and not dist.is_initialized():
            if device.type == "cuda":
                torch.cuda.set_device(device)
            dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        return cls()

    def leave(self) -> None:
        """Close the group, if there is one."""
        if dist.is_available() and dist.is_initialized():
            dist.destroy_process_group()

    def broadcast(self, tensors: Sequence[Tensor]) -> None:
        """Overwrite ``tensors`` with those of the first process."""
        if self.size > 1:
            for tensor in tensors:
                dist.broadcast(tensor.data, 0)

    def average(self, tensors: list[Tensor]) -> list[Tensor]:
        """Average each tensor over the processes, in place, in one exchange."""
        if self.size > 1:
            flat = torch.cat([tensor.flatten() for tensor in tensors])
            dist.all_reduce(flat)
            flat /= self.size
            parts = torch.split(flat, [tensor.numel() for tensor in tensors])
            for tensor, part in zip(tensors, parts, strict=True):
                tensor.copy_(part.view_as(tensor))
        return tensors

    def mean(self, value: float, device: torch.device) -> float:
        """The average of a number, the same in every process."""
        if self.size == 1:
            return value
        # In float64: after days in float32 the seconds of a run would no longer grow by those of a step.
        exact = torch.float32 if device.type == "mps" else torch.float64
        return float(self.average([torch.tensor([value], dtype=exact, device=device)])[0])

    def any(self, value: bool, device: torch.device) -> bool:
        """True in every process if it is true in one."""
        return self.mean(float(value), device) > 0
