"""Interlaced pictures made whole, one for one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import av
from av.filter import Graph
from av.video.stream import VideoStream


class Deinterlacer:
    """Pictures in, as many out, the interlaced among them deinterlaced by FFmpeg's ``bwdif``.

    Costs nothing until the first interlaced picture; from then on pictures come one later than they
    went in, in time bases of the filter's choosing.
    """

    def __init__(self, stream: VideoStream) -> None:
        self._stream = stream
        self._graph: Graph | None = None
        self._kind: tuple[int, int, str] | None = None  # of the pictures the graph is made for

    def __call__(self, pictures: Iterable[av.VideoFrame], *, last: bool) -> Iterator[av.VideoFrame]:
        """Those that are ready; with ``last`` all that remain too."""
        for picture in pictures:
            kind = picture.width, picture.height, picture.format.name
            if self._graph is not None and kind != self._kind:  # a broadcast may change in the middle
                self._graph.vpush(None)
                yield from self._ready(self._graph)
                self._graph = None
            if self._graph is None and picture.interlaced_frame:
                self._graph, self._kind = self._make(picture), kind
            if self._graph is None:
                yield picture
            else:
                self._graph.vpush(picture)
                yield from self._ready(self._graph)
        if last and self._graph is not None:
            self._graph.vpush(None)
            yield from self._ready(self._graph)

    def _make(self, picture: av.VideoFrame) -> Graph:
        graph = Graph()
        graph.threads = 1
        source = graph.add_buffer(
            width=picture.width,
            height=picture.height,
            format=picture.format,
            time_base=picture.time_base or self._stream.time_base,
        )
        graph.link_nodes(
            source, graph.add("bwdif", "mode=send_frame:deint=interlaced"), graph.add("buffersink")
        )
        graph.configure()
        return graph

    def _ready(self, graph: Graph) -> Iterator[av.VideoFrame]:
        while True:
            try:
                yield graph.vpull()
            except (av.BlockingIOError, av.EOFError):
                return
