"""Small ICC profiles, built from the specification (ICC.1:2001-04), as no test should need files."""

from __future__ import annotations

import struct
from itertools import product


def _s15f16(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def _xyz(*values: float) -> bytes:
    return b"XYZ \0\0\0\0" + _s15f16(*values)


def _gamma(exponent: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(exponent * 256)) + b"\0\0"


def _profile(kind: bytes, space: bytes, pcs: bytes, tags: dict[bytes, bytes], name: bytes = b"test") -> bytes:
    description = b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name + bytes(79)
    tags = {b"desc": description, b"wtpt": _xyz(0.9642, 1.0, 0.8249)} | tags
    offset = 128 + 4 + 12 * len(tags)
    table, data = struct.pack(">I", len(tags)), b""
    for name, body in tags.items():
        body += bytes(-len(body) % 4)
        table += name + struct.pack(">II", offset + len(data), len(body))
        data += body
    size = 128 + len(table) + len(data)
    header = struct.pack(">I4sI", size, b"test", 0x02400000) + kind + space + pcs + bytes(12) + b"acsp"
    header += bytes(28) + _s15f16(0.9642, 1.0, 0.8249)
    return header.ljust(128, b"\0") + table + data


# Display P3's primaries adapted to D50: one column each of what maps linear RGB to XYZ.
P3_PRIMARIES = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))


def display_p3() -> bytes:
    """RGB with wide primaries and, unlike the real one, a plain gamma of 2.2."""
    colours = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), (_xyz(*p) for p in P3_PRIMARIES), strict=True))
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _gamma(2.19921875))
    return _profile(b"mntr", b"RGB ", b"XYZ ", colours | curves)


def linear_srgb(name: str) -> bytes:
    """RGB with sRGB's primaries and no curve, as editors embed it that compute with light."""
    primaries = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
    colours = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), (_xyz(*p) for p in primaries), strict=True))
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _gamma(1.0))
    return _profile(b"mntr", b"RGB ", b"XYZ ", colours | curves, name.encode())


def linear_grey() -> bytes:
    return _profile(b"mntr", b"GRAY", b"XYZ ", {b"kTRC": _gamma(1.0)})


def cmyk(cyan_lab: tuple[int, int, int]) -> bytes:
    """White paper on which full cyan gives ``cyan_lab``, K black, and the other inks nothing at all."""
    lightness, a, b = cyan_lab
    white, cyan, black = (
        bytes([255, 128, 128]),
        bytes([round(lightness * 2.55), a + 128, b + 128]),
        bytes([0, 128, 128]),
    )
    grid = b"".join(black if k else cyan if c else white for c, _, _, k in product(range(2), repeat=4))
    ramp = bytes(range(256))
    lut = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + _s15f16(1, 0, 0, 0, 1, 0, 0, 0, 1)
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"A2B0": lut + ramp * 4 + grid + ramp * 3})
