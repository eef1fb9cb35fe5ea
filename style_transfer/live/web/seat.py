"""What the studio knows of one viewer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from style_transfer.live.controls import Scene
from style_transfer.media.pixels import Pixels
from style_transfer.runtime.steady import Steady


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture to paint: as it came from a page, or a shot of the server's camera (uint8 RGB HWC).

    ``number``  the page's, which comes back with the painting.
    ``time``    when it arrived here, seconds.
    ``shared``  True for a shot that every viewer gets.
    """

    number: int
    picture: bytes | Pixels
    time: float
    shared: bool = False


class Allowance:
    """So many a second and no more, ``burst`` of them at once at most (a token bucket)."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._left = burst
        self._time: float | None = None

    def spend(self, amount: float, now: float) -> bool:
        """False where that is more than there is; then nothing is spent."""
        if self._time is not None:
            self._left = min(self._burst, self._left + self._rate * (now - self._time))
        self._time = now
        if amount > self._left:
            return False
        self._left -= amount
        return True


class Seat:
    """One viewer's look and newest frame; its slots are the studio's, guarded by the studio's lock.

    Args:
        scene: the look to begin with; replaced, never changed.
        styles: how many the model has.
        deliver: takes a message for the page, and for a thumbnail its style.
        refuse: takes a line about a picture that is none.
        tell: takes a line for the person.

    All are called from the studio's thread and must not wait.
    """

    def __init__(
        self,
        scene: Scene,
        styles: int,
        *,
        deliver: Callable[[bytes, int | None], None],
        refuse: Callable[[str], None],
        tell: Callable[[str], None],
    ) -> None:
        self.scene = scene
        self.steady: Steady | None = None  #: the studio's thread's, where statistics are frozen
        self.frame: Frame | None = None
        self.small: Pixels | None = None  #: what thumbnails are painted from
        self.deliver, self.refuse, self.tell = deliver, refuse, tell
        self._styles = styles
        self.thumbnails_from: int | None = None  #: they are wanted of the first frame of this number or later
        self._thumbnails: list[int] = []  # styles still to paint
        self._frame_was_last = False
        self.photo = False  #: frames show a photo, not a camera
        self._asked = self._painted = self._prepared = (0, 0)
        self._sizes = Allowance(rate=0.2, burst=6)

    @property
    def waiting(self) -> bool:
        return self.frame is not None or bool(self._thumbnails)

    def take(self) -> tuple[Frame | None, int | None]:
        """The frame, or the style of a thumbnail, to paint now: in turn where there are both."""
        if self._thumbnails and (self.frame is None or self._frame_was_last):
            self._frame_was_last = False
            return None, self._thumbnails.pop(0)
        frame, self.frame = self.frame, None
        self._frame_was_last = True
        return frame, None

    def begin_thumbnails(self, small: Pixels) -> None:
        """Every style is to be painted on ``small``, in between frames."""
        self.thumbnails_from = None
        self.small = small
        self._thumbnails = list(range(self._styles))

    def working_size(self, height: int, width: int, now: float) -> tuple[int, int]:
        """At which size to paint a frame of this one: its own, or one column less.

        Engines prepare themselves for a size that comes twice in a row, which takes longer than painting a
        frame. For who changes size all the time, none ever does.
        """
        size = (height, width)
        again, self._asked = size == self._asked, size
        if again and size != self._prepared:
            if self._sizes.spend(1, now):
                self._prepared = size
            elif size == self._painted:
                size = (height, max(1, width - 1))
        self._painted = size
        return size
