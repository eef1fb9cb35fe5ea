"""Writing a model as one ONNX file."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from style_transfer import __version__
from style_transfer.errors import UserError
from style_transfer.export.traced import TOLERANCES, TRACED_SIZE, Traced, compare, dynamic, noise, quiet
from style_transfer.files import atomic_path, readable
from style_transfer.networks.base import StyleNetwork
from style_transfer.networks.exported_file import import_onnxruntime
from style_transfer.networks.style_model import StyleBank, StyleModel
from style_transfer.networks.styles import Statistics, StyleParameters
from style_transfer.runtime.threads import thread_budget
from style_transfer.runtime.toolchain import check_onnx_packages

_OPSET = 18


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
        statistics: of the mix, from ``StyleNetwork.measure`` or ``Stylizer.measure``, to freeze the norms
            with; None: live.
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
    if statistics is not None:
        statistics = Statistics(*map(torch.as_tensor, statistics))
    check_onnx_packages()
    runtime = import_onnxruntime()
    wrapper: Traced
    inputs: tuple[Tensor, ...]
    if mix is None:
        wrapper = _AllStyles(model.network, precision, model.bank)
        inputs = (torch.linspace(1, 2, len(model.styles))[None],)
        look = model.bank(inputs[0] / inputs[0].sum())
    else:
        look = model.mix(mix)
        wrapper, inputs = _OneLook(model.network, precision, look, statistics), ()
    with quiet():
        program = torch.onnx.export(
            wrapper,
            (noise(*TRACED_SIZE), *inputs),
            dynamo=True,
            opset_version=_OPSET,
            dynamic_shapes=dynamic(len(inputs)),
            input_names=["image", "weights"][: 1 + len(inputs)],
            output_names=["painting"],
            external_data=False,
            verbose=False,
        )
    assert program is not None
    proto = program.model_proto
    proto.producer_name, proto.producer_version = "style-transfer", __version__
    for key, value in {
        "model": readable(name),
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

        return compare(paint, model.network, look, statistics, TOLERANCES[precision], path)


class _OneLook(Traced):
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


class _AllStyles(Traced):
    def __init__(self, network: StyleNetwork, precision: str, bank: StyleBank) -> None:
        super().__init__(network, precision)
        self.bank = copy.deepcopy(bank).to("cpu").requires_grad_(False)

    def forward(self, image: Tensor, weights: Tensor) -> Tensor:
        return self.paint(image, self.bank(weights / weights.sum()))
