"""Writing a model as a ``.pt2`` file: a graph for PyTorch, or machine code for one device."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from style_transfer import __version__
from style_transfer.errors import ModelFileError, StyleTransferError, UserError, one_line
from style_transfer.export.traced import TOLERANCES, TRACED_SIZE, Traced, compare, dynamic, noise, quiet
from style_transfer.files import atomic_path
from style_transfer.networks.exported_file import PackagedModel, add_model, read_pt2
from style_transfer.networks.style_model import StyleModel
from style_transfer.networks.styles import StyleParameters
from style_transfer.runtime.device import Device
from style_transfer.runtime.exported_engine import compiled_forward
from style_transfer.runtime.gpu import exact_kernels
from style_transfer.runtime.toolchain import check_compiler


def export_pt2(model: StyleModel, path: Path) -> float:
    """Write ``model`` to ``path`` with ``torch.export``; return the largest difference from PyTorch, 0..1.

    All styles travel in the file. Raises ``OutputError`` where it cannot be written,
    ``StyleTransferError`` where it paints otherwise than PyTorch. Without success there is no file.
    """
    look = model.mix(dict.fromkeys(model.style_names, 1.0))
    with quiet():
        program = torch.export.export(
            _AnyLook(model.network, "fp32"), (noise(*TRACED_SIZE), *look), dynamic_shapes=dynamic(len(look))
        )
    buffer = io.BytesIO()
    with quiet():
        torch.export.save(program, buffer)
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getvalue())
        add_model(temporary, model)
        paint, _ = load_pt2(temporary)
        return compare(lambda image: paint(image, *look), model.network, look, None, TOLERANCES["fp32"], path)


def load_pt2(path: Path) -> tuple[Callable[..., Tensor], StyleModel]:
    """Read what :func:`export_pt2` wrote: the traced graph and the model it was made of, on the CPU.

    ::

        paint, model = load_pt2(Path("gallery.pt2"))
        painting = paint(image, *model.mix({"great_wave": 1}))  # image: float32 RGB (1, 3, H, W) in 0..1

    ``torch.export.load`` unpickles and evaluates what is in the file: only open files you trust.
    ``load_model`` reads the model alone, and is always safe. Raises ``ModelFileError`` for any other file.
    """
    model = read_pt2(path)  # and nothing is loaded that is not at least meant to be ours
    try:
        with zipfile.ZipFile(path) as archive:
            if not any(entry.endswith("/models/model.json") for entry in archive.namelist()):
                raise ValueError("it holds no graph")
        with quiet():
            # Not by its name, which may be no Unicode, nor all of it be of Windows' code page.
            program = torch.export.load(io.BytesIO(path.read_bytes()))
    except Exception as error:  # of a damaged archive, torch raises nearly anything
        raise ModelFileError(
            f"'{path}' is damaged or no .pt2 file of this program ({one_line(error)}); export it again"
        ) from error
    return program.module(), StyleModel.of(model)


def export_package(model: StyleModel, path: Path, device: torch.device, *, precision: str = "fp32") -> float:
    """Compile ``model`` ahead of time for ``device``; return the largest difference from PyTorch, 0..1.

    Takes minutes. ``precision`` is ``fp32`` or ``fp16``. Raises ``UserError`` without a C++ compiler or
    for another precision, ``StyleTransferError`` where compiling fails or the result paints otherwise than
    PyTorch, ``OutputError`` where the file cannot be written. Without success there is no file.
    """
    if precision not in TOLERANCES:
        raise UserError(f"a package has precision {' or '.join(TOLERANCES)}, not '{precision}'")
    check_compiler("--package")
    look = model.mix(dict.fromkeys(model.style_names, 1.0))
    stride = model.network.plan.stride
    picture = noise(5 * stride, 7 * stride)
    with torch.no_grad():
        statistics = model.network.measure(picture, look)
    whole = _Whole(model.network, precision).to(device)
    inputs = {"model": (picture, *look), "frozen": (picture, *look, *statistics)}
    try:
        with quiet(), exact_kernels():
            files = {
                name: _compile(whole, tuple(part.to(device) for part in parts), stride)
                for name, parts in inputs.items()
            }
    except Exception as error:  # of a compiler of another maker
        raise StyleTransferError(
            f"'{path}' is not written: compiling it failed ({one_line(error)}); leave out --package"
        ) from error
    with atomic_path(path) as temporary:
        _package(temporary, files)
        add_model(temporary, model, {"device": device.type, "precision": precision, "version": __version__})
        with exact_kernels():
            return _compare_package(temporary, path, device, TOLERANCES[precision])


def _compile(whole: nn.Module, inputs: tuple[Tensor, ...], stride: int) -> list[str]:
    """Files with the machine code of ``whole`` for pictures of every size."""
    # Sizes as multiples of the stride: the compiler works with formulas for them, and these stay short.
    height, width = (stride * torch.export.Dim(side, min=2) for side in ("rows", "columns"))
    shapes = ({2: height, 3: width}, *(None for _ in inputs[1:]))
    program = torch.export.export(whole, inputs, dynamic_shapes=shapes)
    with torch.no_grad():
        files = torch._inductor.aot_compile(program.module(), inputs, options={"aot_inductor.package": True})
    return list(files)  # type: ignore[arg-type]


def _package(path: Path, files: dict[str, list[str]]) -> None:
    from torch._inductor.package.package import package_aoti

    package_aoti(str(path), files)  # type: ignore[arg-type]


def _compare_package(written: Path, path: Path, device: torch.device, tolerance: float) -> float:
    """The largest difference of both graphs in a package, ``written`` for ``path``."""
    packaged = read_pt2(written)
    assert isinstance(packaged, PackagedModel)
    paint = compiled_forward(packaged, Device.of(device), ours=True)
    if paint is None:
        raise StyleTransferError(
            f"'{path}' is not written: what was compiled does not load; leave out --package"
        )
    model = StyleModel.of(packaged)
    network, look = model.network, model.mix(dict.fromkeys(model.style_names, 1.0))
    with torch.no_grad():
        statistics = network.measure(noise(90, 120), look)
    worst = 0.0
    for frozen in (None, statistics):
        tensors = [part.to(device) for part in (*look, *(frozen or ()))]
        worst = max(
            worst,
            compare(
                lambda image, tensors=tensors: paint(image.to(device), *tensors).cpu(),  # type: ignore[misc]
                network,
                look,
                frozen,
                tolerance,
                path,
            ),
        )
    return worst


class _AnyLook(Traced):
    """Takes every look as an input."""

    def forward(
        self, image: Tensor, scales: Tensor, shifts: Tensor, output_weight: Tensor, output_bias: Tensor
    ) -> Tensor:
        return self.paint(image, StyleParameters(scales, shifts, output_weight, output_bias))


class _Whole(Traced):
    """For pictures of whole strides, with any look, live or frozen."""

    def forward(
        self,
        image: Tensor,
        scales: Tensor,
        shifts: Tensor,
        output_weight: Tensor,
        output_bias: Tensor,
        means: Tensor | None = None,
        variances: Tensor | None = None,
    ) -> Tensor:
        look = (scales, shifts, output_weight, output_bias, means, variances)
        painted: Tensor = self.network(image.to(self.dtype), *look)
        return painted
