"""Running an exported ONNX file with ONNX Runtime, on the CPU or an NVIDIA GPU."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from style_transfer.errors import ModelFileError, UserError, one_line
from style_transfer.networks.exported_file import SMALLEST, OnnxModel, import_onnxruntime
from style_transfer.networks.styles import Statistics
from style_transfer.runtime.device import CPU, DTYPES, choose_device
from style_transfer.runtime.look import Look
from style_transfer.runtime.threads import thread_budget

_GPU = "CUDAExecutionProvider"


class OnnxEngine:
    """One ONNX file on one device; its statistics and its precision are its own.

    Args:
        device: ``auto``, ``cpu`` or ``cuda``; ``auto`` is CUDA where PyTorch and ONNX Runtime both have it.

    Raises ``UserError`` for a device that ONNX Runtime does not have here, ``ModelFileError`` for a file that
    it cannot load.
    """

    def __init__(self, model: OnnxModel, device: str = "auto") -> None:
        runtime = import_onnxruntime()
        self.device = choose_device(device)
        has_gpu = _GPU in runtime.get_available_providers()
        if device == "auto" and not (has_gpu and self.device.type == "cuda"):
            self.device = CPU
        if self.device.type not in ("cpu", "cuda") or (self.device.type == "cuda" and not has_gpu):
            raise UserError(
                f"ONNX Runtime does not run on {device} here; use --device cpu, or for CUDA"
                " pip install onnxruntime-gpu"
            )
        self.precision = DTYPES.get(model.precision, "float32")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = thread_budget()
        options.log_severity_level = 3
        providers = ["CPUExecutionProvider"]
        if self.device.type == "cuda":
            providers.insert(0, (_GPU, {"device_id": self.device.index or 0}))  # type: ignore[arg-type]
        try:
            self._session = runtime.InferenceSession(model.path.read_bytes(), options, providers)
        except Exception as error:
            raise ModelFileError(f"ONNX Runtime cannot load '{model.path}': {one_line(error)}") from error
        if self.device.type == "cuda" and _GPU not in self._session.get_providers():
            raise UserError("ONNX Runtime cannot use this GPU; check its CUDA libraries, or use --device cpu")
        self._mixes, self._path = model.mixes, model.path

    def paint(self, frame: NDArray[np.uint8], look: Look) -> NDArray[np.uint8]:
        """``uint8`` ``(H, W, 3)`` RGB → a new array of the same, stylized at full strength.

        The look chooses among the file's styles; its statistics are passed over.
        """
        height, width = frame.shape[:2]
        bottom, right = max(0, SMALLEST - height), max(0, SMALLEST - width)
        if bottom or right:
            frame = np.asarray(cv2.copyMakeBorder(frame, 0, bottom, 0, right, cv2.BORDER_REPLICATE), np.uint8)
        inputs = {"image": frame.transpose(2, 0, 1)[None].astype(np.float32) / np.float32(255)}
        if self._mixes:
            inputs["weights"] = look.parameters.scales
        painted = self._session.run(None, inputs)[0][0, :, :height, :width]
        if not np.isfinite(painted.sum()):
            raise ModelFileError(f"'{self._path}' is damaged: it paints what are no numbers; export it anew")
        result: NDArray[np.uint8] = np.ascontiguousarray(
            (painted.transpose(1, 2, 0) * np.float32(255) + np.float32(0.5)).clip(0, 255).astype(np.uint8)
        )
        return result

    def measure(self, frame: NDArray[np.uint8], look: Look) -> Statistics:  # noqa: ARG002
        """Nothing, ``(1, 0)``: what the norms see stays inside the file."""
        return Statistics(*(np.zeros((1, 0), np.float32) for _ in range(2)))
