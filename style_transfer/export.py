"""Models as files that other programs run: ONNX, and PyTorch's own ``.pt2``.

Both paint pictures of any height and width from 16 up: padding to the network's stride and cropping are part
of the graph. A file is run before it gets its name, at sizes it was not traced at, and compared with PyTorch
in float32.

``.onnx`` (opset 18)
    ``image`` → ``painting``, float32 RGB ``(1, 3, height, width)`` in 0..1, whatever the precision inside.
    With all styles in it there is a second input ``weights``, float32 ``(1, N)``, 0 or more, not all 0.
    ``metadata_props``: ``model``, ``style_transfer`` (this program's version), and as JSON ``styles``,
    ``mix`` (null with all styles), ``description`` (:meth:`StyleModel.describe`).
``.pt2`` (``torch.export``)
    ``image, scales, shifts, output_weight, output_bias`` → painting; the look's tensors as in
    :class:`StyleParameters`, ``N = 1``. :func:`load_pt2` reads it, styles included.
"""

from __future__ import annotations

import copy
import io
import json
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from style_transfer import __version__
from style_transfer.errors import ModelFileError, StyleTransferError, UserError
from style_transfer.files import atomic_path
from style_transfer.networks.base import Statistics, StyleNetwork, StyleParameters
from style_transfer.networks.layers import Norms
from style_transfer.networks.style_model import NETWORKS, Style, StyleBank, StyleModel
from style_transfer.runtime.threads import thread_budget

SMALLEST = 16  #: height and width, in pixels; every network's padding to two strides is less
#: The largest difference from float32 PyTorch that passes. Half precision rounds every activation to 11 bits.
TOLERANCES = {"fp32": 1e-3, "fp16": 5e-2}
_OPSET = 18
_TRACED_SIZE = (37, 51)
_CHECKED_SIZES = ((16, 61), (64, 48), (129, 95))
_EXTRA_FILE = "style_transfer.json"


def export_onnx(
    model: StyleModel,
    path: Path,
    mix: Mapping[str, float] | None = None,
    *,
    statistics: Statistics | None = None,
    precision: str = "fp32",
    name: str = "",
) -> float:
    """Write ``model`` to ``path`` as one ONNX file; return the largest difference from PyTorch, 0..1.

    Args:
        mix: the styles to bake in; None: all of them, to be mixed by the input ``weights``.
        statistics: of the mix, from ``StyleNetwork.measure``, to freeze the norms with; None: live.
        precision: ``fp32``, or ``fp16`` with the norms' statistics in float32.
        name: of the model, for the metadata.

    Raises ``UserError`` for an unknown style or precision, for statistics without a mix, or where the extra
    ``[onnx]`` is missing; ``OutputError`` where the file cannot be written; ``StyleTransferError`` where it
    paints otherwise than PyTorch. Without success there is no file.
    """
    if precision not in TOLERANCES:
        raise UserError(f"an ONNX file has precision {' or '.join(TOLERANCES)}, not '{precision}'")
    if mix is None and statistics is not None:
        raise UserError("frozen statistics belong to one mix of styles; choose it, or leave them live")
    runtime = _import_onnxruntime()
    wrapper: _Exported
    inputs: tuple[Tensor, ...]
    if mix is None:
        wrapper = _AllStyles(model.network, precision, model.bank)
        inputs = (torch.linspace(1, 2, len(model.styles))[None],)
        look = model.bank(inputs[0] / inputs[0].sum())
    else:
        look = model.mix(mix)
        wrapper, inputs = _OneLook(model.network, precision, look, statistics), ()
    with _quiet():
        program = torch.onnx.export(
            wrapper,
            (_noise(*_TRACED_SIZE), *inputs),
            dynamo=True,
            opset_version=_OPSET,
            dynamic_shapes=_dynamic(len(inputs)),
            input_names=["image", "weights"][: 1 + len(inputs)],
            output_names=["painting"],
            external_data=False,
            verbose=False,
        )
    assert program is not None
    proto = program.model_proto
    proto.producer_name, proto.producer_version = "style-transfer", __version__
    for key, value in {
        "model": name,
        "style_transfer": __version__,
        "styles": json.dumps(model.style_names),
        "mix": json.dumps(None if mix is None else dict(mix)),
        "statistics": "frozen" if statistics else "live",
        "precision": precision,
        "description": json.dumps(model.describe(), ensure_ascii=False),
    }.items():
        proto.metadata_props.add(key=key, value=value)
    with atomic_path(path) as temporary:
        temporary.write_bytes(proto.SerializeToString())
        options = runtime.SessionOptions()
        options.intra_op_num_threads = thread_budget()
        options.log_severity_level = 3  # errors: it warns of every constant it folds
        session = runtime.InferenceSession(temporary.read_bytes(), options, ["CPUExecutionProvider"])

        def paint(image: Tensor) -> Tensor:
            feed = dict(zip(("image", "weights"), (image, *inputs), strict=False))
            return torch.from_numpy(session.run(None, {key: x.numpy() for key, x in feed.items()})[0])

        return _compare(paint, model.network, look, statistics, TOLERANCES[precision], path)


def export_pt2(model: StyleModel, path: Path, *, name: str = "") -> float:
    """Write ``model`` to ``path`` with ``torch.export``; return the largest difference from PyTorch, 0..1.

    All styles travel in the file, ``name`` with them. Raises ``OutputError`` where it cannot be written,
    ``StyleTransferError`` where it paints otherwise than PyTorch. Without success there is no file.
    """
    look = model.mix(dict.fromkeys(model.style_names, 1.0))
    with _quiet():
        program = torch.export.export(
            _AnyLook(model.network, "fp32", model.bank),
            (_noise(*_TRACED_SIZE), *look),
            dynamic_shapes=_dynamic(len(look)),
        )
    about = json.dumps({"name": name, "version": __version__, **model.describe()}, ensure_ascii=False)
    buffer = io.BytesIO()
    with _quiet():
        torch.export.save(program, buffer, extra_files={_EXTRA_FILE: about})
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())
        module, _ = load_pt2(temporary)
        return _compare(
            lambda image: module(image, *look), model.network, look, None, TOLERANCES["fp32"], path
        )


def load_pt2(path: Path) -> tuple[Callable[..., Tensor], StyleModel]:
    """Read what :func:`export_pt2` wrote: the traced graph and the model it was made of, on the CPU.

    ::

        paint, model = load_pt2(Path("gallery.pt2"))
        painting = paint(image, *model.mix({"great_wave": 1}))  # image: float32 RGB (1, 3, H, W) in 0..1

    ``torch.export.load`` may unpickle: open only files you trust, unlike model files, which are always safe.
    Raises ``ModelFileError`` for any other file.
    """
    extra: dict[str, Any] = {_EXTRA_FILE: ""}
    try:
        with zipfile.ZipFile(path) as archive:  # nothing is loaded that is not at least meant to be ours
            if not any(entry.endswith(f"/{_EXTRA_FILE}") for entry in archive.namelist()):
                raise ValueError("it says nothing of styles")
        with _quiet():
            program = torch.export.load(path, extra_files=extra)
        about = json.loads(extra[_EXTRA_FILE])
        with torch.device("meta"):
            network = NETWORKS[about["network"]](**about["arguments"])
        state = dict(program.state_dict)
        network.load_state_dict({key: state[f"network.{key}"] for key in network.state_dict()}, assign=True)
        bank = StyleBank(StyleParameters(*(state[f"bank.{key}"] for key in StyleParameters._fields)))
        styles = [Style(**style) for style in about["styles"]]
    except Exception as error:  # of a file that is no archive, torch raises nearly anything
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ModelFileError(f"'{path}' is damaged or no .pt2 file of this program: {reason}") from error
    return program.module(), StyleModel(network.eval(), bank, styles, about["training"])


class _Exported(nn.Module):
    """A network as it is traced: its own copy, padding and cropping written for sizes that are symbols."""

    def __init__(self, network: StyleNetwork, precision: str) -> None:
        super().__init__()
        self.eval()
        self.dtype = torch.float16 if precision == "fp16" else torch.float32
        self.network = copy.deepcopy(network).to("cpu", self.dtype).eval().requires_grad_(False)

    def paint(self, image: Tensor, look: StyleParameters, statistics: Statistics | None = None) -> Tensor:
        # Gathering instead of F.pad and slicing, and multiples of the stride written as such: so the tracer
        # has nothing to branch on, and sees without solving anything that every stride divides.
        stride = self.network.stride
        height, width = image.shape[-2:]
        rows = torch.arange((height + stride - 1) // stride * stride, device=image.device)
        columns = torch.arange((width + stride - 1) // stride * stride, device=image.device)
        x = image.index_select(2, rows.clamp(max=height - 1)).index_select(3, columns.clamp(max=width - 1))
        kind = _SingleNorms if self.dtype is torch.float16 and statistics is None else Norms
        norms = kind(look.scales, look.shifts, *(statistics or ()), epsilon=self.network.epsilon)
        y = self.network._paint(x.to(self.dtype), norms, look.output_weight, look.output_bias)
        rows, columns = (torch.arange(size, device=image.device) for size in (height, width))
        return y.index_select(2, rows).index_select(3, columns)


class _SingleNorms(Norms):
    """Statistics in float32: half precision overflows where it sums squares."""

    def __call__(self, x: Tensor) -> Tensor:
        return super().__call__(x.float()).to(x.dtype)


class _OneLook(_Exported):
    def __init__(
        self, network: StyleNetwork, precision: str, look: StyleParameters, statistics: Statistics | None
    ) -> None:
        super().__init__(network, precision)
        self.frozen = statistics is not None
        for key, value in (look._asdict() | (statistics._asdict() if statistics else {})).items():
            self.register_buffer(key, value.detach().cpu().clone())

    def forward(self, image: Tensor) -> Tensor:
        look = StyleParameters(*(self.get_buffer(key) for key in StyleParameters._fields))
        statistics = (
            Statistics(*(self.get_buffer(key) for key in Statistics._fields)) if self.frozen else None
        )
        return self.paint(image, look, statistics)


class _AllStyles(_Exported):
    def __init__(self, network: StyleNetwork, precision: str, bank: StyleBank) -> None:
        super().__init__(network, precision)
        self.bank = copy.deepcopy(bank).to("cpu").requires_grad_(False)

    def forward(self, image: Tensor, weights: Tensor) -> Tensor:
        return self.paint(image, self.bank(weights / weights.sum()))


class _AnyLook(_AllStyles):
    """The bank only travels along."""

    def forward(  # type: ignore[override]
        self, image: Tensor, scales: Tensor, shifts: Tensor, output_weight: Tensor, output_bias: Tensor
    ) -> Tensor:
        return self.paint(image, StyleParameters(scales, shifts, output_weight, output_bias))


def _dynamic(others: int) -> tuple[dict[int, Any] | None, ...]:
    """The dynamic dimensions of an image and of ``others`` tensors of fixed shape after it."""
    height, width = (torch.export.Dim(side, min=SMALLEST) for side in ("height", "width"))
    return ({2: height, 3: width}, *(None for _ in range(others)))


@torch.no_grad()
def _compare(
    paint: Callable[[Tensor], Tensor],
    network: StyleNetwork,
    look: StyleParameters,
    statistics: Statistics | None,
    tolerance: float,
    path: Path,
) -> float:
    worst = 0.0
    for size in _CHECKED_SIZES:
        image = _noise(*size)
        difference = (paint(image) - network(image, *look, *(statistics or ()))).abs().max().item()
        if not difference <= tolerance:  # also for NaN
            raise StyleTransferError(
                f"'{path}' is not written: at {size[1]}x{size[0]} it differs from PyTorch "
                f"by {difference:.2g}, more than {tolerance:g}"
            )
        worst = max(worst, difference)
    return worst


def _noise(height: int, width: int) -> Tensor:
    """The same picture at each call: coarse blocks under fine noise, so that every norm has work."""
    generator = torch.Generator().manual_seed(height * width)
    coarse = torch.rand(1, 3, 5, 5, generator=generator)
    blocks = nn.functional.interpolate(coarse, (height, width))
    return 0.8 * blocks + 0.2 * torch.rand(1, 3, height, width, generator=generator)


def _import_onnxruntime() -> Any:
    try:
        import onnx  # noqa: F401
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"ONNX needs the package {error.name}: pip install 'style-transfer[onnx]', "
            "or pip install onnx onnxscript onnxruntime"
        ) from error
    return onnxruntime


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporters' notes about their own insides from the terminal."""
    with warnings.catch_warnings():
        for module in ("torch", "onnxscript", "onnx_ir", "copyreg"):
            warnings.filterwarnings("ignore", module=rf"{module}(\.|$)")
        yield
