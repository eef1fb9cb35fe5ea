"""What runs a model fast: the Stylizer and what stands behind it; no files, video or arguments."""

import sys

# On import OpenVINO reports its use to its makers and writes an identifier to the home folder, unless the
# module that does so cannot be imported: a tool for people's cameras does not call home.
if "openvino" not in sys.modules:
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
