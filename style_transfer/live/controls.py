"""What the keys do: the state of the show, without window, network or clock."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

Weights = tuple[float, ...]
"""Of each of the model's styles, summing to 1; empty while there is no model."""

FADE = 0.4
"""Seconds from one style to another."""

_MIX_STEP, _STRENGTH_STEP, _SPLIT_STEP = 0.1, 0.1, 0.02
_NOTE = 2.5  # seconds a note stays, at least
_READ = 15  # letters a second that are read


class Command(enum.Enum):
    """What a key asks of others."""

    QUIT = enum.auto()
    RECORD = enum.auto()
    SNAPSHOT = enum.auto()
    FULL_SCREEN = enum.auto()


@dataclass(frozen=True)
class Binding:
    """A line of the help: the keys, how they are written, what they do."""

    keys: tuple[str, ...]
    written: str
    help: str


BINDINGS = (
    Binding(tuple("123456789"), "1-9", "choose a style"),
    Binding(("n", "p"), "n p", "next, previous style"),
    Binding(("left", "right"), "arrows", "mix towards the neighbour"),
    Binding(("+", "=", "-", "_"), "+ -", "strength"),
    Binding(("c",), "c", "keep the camera's colours"),
    Binding(("m",), "m", "mirror"),
    Binding(("b", ",", "."), "b , .", "before and after; move with , . or the mouse"),
    Binding(("g",), "g", "all styles at once; click on one"),
    Binding((" ",), "space", "freeze"),
    Binding(("r",), "r", "record, stop recording"),
    Binding(("s",), "s", "snapshot"),
    Binding(("f",), "f", "full screen"),
    Binding(("i",), "i", "text on the picture"),
    Binding(("h",), "h", "this help"),
    Binding(("q", "escape"), "q Esc", "quit"),
)
"""Every key there is; the help over the picture and that of the command are made from it."""

_STYLE_KEYS = {*"123456789np", "left", "right"}
_NEED_STYLES = _STYLE_KEYS | {"g", "r"}  # only paintings are recorded
_COMMANDS = {
    "q": Command.QUIT,
    "escape": Command.QUIT,
    "r": Command.RECORD,
    "s": Command.SNAPSHOT,
    "f": Command.FULL_SCREEN,
}


@dataclass(frozen=True)
class Scene:
    """What the next frame is to look like."""

    weights: Weights = ()
    strength: float = 1.0
    preserve_color: bool = False
    mirror: bool = False
    grid: bool = False
    frozen: bool = False
    fade: tuple[Weights, Weights, float] | None = None
    """What ``weights`` lie between while a style changes, and how far along they are, 0..1."""


class Controls:
    """Takes keys and the passing of time, gives the scene.

    Times are seconds of any one clock. ``cycle`` is after how many seconds the style changes by itself.
    """

    def __init__(
        self,
        *,
        strength: float = 1.0,
        preserve_color: bool = False,
        mirror: bool = False,
        cycle: float | None = None,
        text: bool = True,
    ) -> None:
        self.styles: list[str] = []
        self.text = text  #: whether the picture shows what there is to say of it
        self.split: float | None = None  #: where before meets after, 0..1 from the left
        self.help = False
        self._strength, self._preserve_color, self._mirror = strength, preserve_color, mirror
        self._grid = self._frozen = False
        self._cycle = cycle
        self._from: Weights = ()
        self._to: Weights = ()
        self._changed_at = float("-inf")
        self._chosen_at = 0.0
        self._position: float | None = None  # between styles: 1.3 is 0.7 of the second, 0.3 of the third
        self._last_split = 0.5
        self._note = ("", float("-inf"))

    def set_styles(self, names: Sequence[str], weights: Weights, now: float) -> None:
        """The model is there: its styles, by title, and the mix to begin with."""
        self.styles = list(names)
        self._from = self._to = weights
        self._chosen_at = now
        self._position = float(weights.index(1.0)) if 1.0 in weights else None

    def scene(self, now: float) -> Scene:
        """The state at ``now``; a change of style takes :data:`FADE` seconds to be complete."""
        if self._cycle and self.styles and not self._frozen and now - self._chosen_at >= self._cycle:
            self._go(self._neighbour(1), now)
        share = self._share(now)
        return Scene(
            self._weights(now),
            self._strength,
            self._preserve_color,
            self._mirror,
            self._grid,
            self._frozen,
            fade=None if share == 1 else (self._from, self._to, share),
        )

    def note(self, text: str, now: float) -> None:
        """Something to tell the person, for a moment."""
        self._note = (text, now)

    def current_note(self, now: float) -> str:
        text, since = self._note
        return text if now - since < max(_NOTE, len(text) / _READ) else ""

    @property
    def mix(self) -> str:
        """The styles that show, in words."""
        parts = sorted(((w, n) for n, w in enumerate(self._to) if w > 0.005), reverse=True)
        if len(parts) == 1:
            return self.styles[parts[0][1]]
        return " + ".join(f"{weight:.0%} {self.styles[n]}" for weight, n in parts[:3])

    @property
    def chosen(self) -> int:
        """The index of the style that weighs most; -1 while there is no model."""
        return max(range(len(self._to)), key=self._to.__getitem__, default=-1)

    def press(self, key: str, now: float) -> Command | None:
        """A key of :data:`BINDINGS`; others do nothing. Returns what others are to do for it."""
        key = key.lower()
        if key in _NEED_STYLES and not self.styles:
            self.note("the styles are still being loaded", now)
            return None
        if key in _COMMANDS:
            return _COMMANDS[key]
        if key in _STYLE_KEYS:
            self._change_style(key, now)
        elif key in "+=-_":
            step = _STRENGTH_STEP if key in "+=" else -_STRENGTH_STEP
            self._strength = round(min(1.0, max(0.0, self._strength + step)), 3)
            self.note(f"strength {self._strength:.0%}", now)
        elif key in "b,.":
            self._change_split(key)
        elif key == "c":
            self._preserve_color = not self._preserve_color
            self.note("the camera's colours" if self._preserve_color else "the style's colours", now)
        elif key == "m":
            self._mirror = not self._mirror
        elif key == "g":
            self._grid = not self._grid
        elif key == " ":
            self._frozen = not self._frozen
        elif key == "i":
            self.text = not self.text
        elif key == "h":
            self.help = not self.help
        return None

    def click(self, x: float, y: float, now: float) -> None:
        """The pointer at 0..1 from the left and top: chooses from the grid, or moves the split."""
        if self._grid:
            columns, rows = grid_shape(len(self.styles))
            index = min(int(y * rows), rows - 1) * columns + min(int(x * columns), columns - 1)
            if index < len(self.styles):
                self._grid = False
                self._go(float(index), now)
        elif self.split is not None:
            self.split = x

    def _change_style(self, key: str, now: float) -> None:
        if key in ("left", "right"):
            position = self.chosen if self._position is None else self._position
            step = _MIX_STEP if key == "right" else -_MIX_STEP
            self._go(round((position + step) % len(self.styles), 3), now)
        elif key in "np":
            self._go(self._neighbour(1 if key == "n" else -1), now)
        elif int(key) <= len(self.styles):
            self._go(int(key) - 1.0, now)
        else:
            self.note(f"there are {len(self.styles)} styles", now)

    def _change_split(self, key: str) -> None:
        if key == "b":
            if self.split is not None:
                self._last_split = self.split
            self.split = self._last_split if self.split is None else None
        elif self.split is not None:
            step = _SPLIT_STEP if key == "." else -_SPLIT_STEP
            self.split = min(1.0, max(0.0, self.split + step))

    def _neighbour(self, direction: int) -> float:
        """The next whole style up or down; from between two, the nearer end that way."""
        position = float(self.chosen) if self._position is None else self._position
        whole = position // 1 if direction > 0 else -(-position // 1)
        return (whole + direction) % len(self.styles)

    def _go(self, position: float, now: float) -> None:
        self._from, self._changed_at, self._chosen_at = self._weights(now), now, now
        self._position = position
        low = int(position) % len(self.styles)
        share = position - int(position)
        weights = [0.0] * len(self.styles)
        weights[low] += 1 - share
        weights[(low + 1) % len(self.styles)] += share
        self._to = tuple(weights)
        self.note(self.mix, now)

    def _weights(self, now: float) -> Weights:
        share = self._share(now)
        if share == 1:
            return self._to
        return tuple(a + (b - a) * share for a, b in zip(self._from, self._to, strict=True))

    def _share(self, now: float) -> float:
        """How far the change of style is along, 0..1; it starts and ends gently."""
        done = min(1.0, max(0.0, (now - self._changed_at) / FADE))
        return done * done * (3 - 2 * done)


def grid_shape(styles: int) -> tuple[int, int]:
    """Columns and rows for so many pictures of a screen's shape."""
    columns = 1
    while columns * columns < styles:
        columns += 1
    return columns, max(1, -(-styles // columns))


def help_text() -> str:
    """The keys, a line each."""
    return "\n".join(f"  {binding.written:6} {binding.help}" for binding in BINDINGS)
