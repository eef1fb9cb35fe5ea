"""Models as files that other programs run: ONNX, and PyTorch's own ``.pt2``.

Both paint pictures of any height and width from 16 up. A file is run before it gets its name, at sizes it was
not traced at, and compared with PyTorch in float32.

``.onnx`` (opset 18)
    ``image`` → ``painting``, float32 RGB ``(1, 3, height, width)`` in 0..1, whatever the precision inside;
    padding to the network's stride and cropping are part of the graph.
    With all styles in it there is a second input ``weights``, float32 ``(1, N)``, 0 or more, not all 0.
    ``metadata_props``: ``model``, ``style_transfer`` (this program's version), ``statistics``, ``precision``,
    and as JSON ``styles``, ``mix`` (null with all styles), ``description`` (:meth:`StyleModel.describe`).
``.pt2`` (``torch.export``)
    ``image, scales, shifts, output_weight, output_bias`` → painting; the look's tensors as in
    :class:`StyleParameters`, ``N = 1``. :func:`load_pt2` reads it, styles included.
``.pt2``, a package (AOTInductor)
    The same compiled for one device, under the names ``model`` and, with the inputs ``means`` and
    ``variances`` after the others, ``frozen``. ``image`` is contiguous; height and width are multiples of the
    network's stride, two of them at least.

Every ``.pt2`` also carries the model file itself (``style_transfer.safetensors`` in the archive), which is
all that this program's own commands read of it, a package's machine code apart.
"""

from style_transfer.export.onnx_file import export_onnx
from style_transfer.export.pt2_file import export_package, export_pt2, load_pt2

__all__ = ["export_onnx", "export_package", "export_pt2", "load_pt2"]
