"""``--style`` as a user writes it: a mix, or mixes with the times they begin at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from style_transfer.errors import UserError
from style_transfer.networks.styles import parse_mix

Mix = Mapping[str, float]


@dataclass(frozen=True)
class StyleTimes:
    """Mixes, and the seconds they begin at; the first begins at 0."""

    mixes: Sequence[Mix]
    times: Sequence[Fraction]

    @property
    def changes(self) -> bool:
        """True where there is more than one mix, which only a video can show."""
        return len(self.mixes) > 1

    @property
    def suffix(self) -> str:
        """For the names of results: ``great_wave-udnie``, of every style that shows."""
        names = [name for mix in self.mixes for name, weight in mix.items() if weight > 0]
        return "-".join(dict.fromkeys(names))


def parse_styles(text: str) -> StyleTimes:
    """``"udnie"``, ``"udnie:0.5,great_wave:0.5"`` or ``"udnie@0;great_wave@12.5"``; times as in ``--start``.

    Raises ``UserError`` for what is none of these, times that do not rise, and a first one after 0.
    """
    if not ("@" in text or ";" in text):
        return StyleTimes([parse_mix(text)], [Fraction(0)])
    from style_transfer.media.video.rate import parse_time  # PyAV, for videos only

    mixes, times = [], list[Fraction]()
    for part in text.split(";"):
        mix, at, time = part.strip().rpartition("@")
        if not at and times:
            raise UserError(f"'{part.strip()}' in --style has no time; write STYLE@0;OTHER@12.5")
        mixes.append(parse_mix(mix if at else time))
        times.append(parse_time(time) if at else Fraction(0))
    if times[0] != 0:
        raise UserError(f"--style says nothing of the time before {float(times[0]):g} s; begin with STYLE@0")
    for before, after in pairwise(times):
        if after <= before:
            raise UserError(
                f"the times of --style must rise, and {float(after):g} s comes after {float(before):g} s"
            )
    return StyleTimes(mixes, times)
