"""Stages of work on one item after another, overlapped: each stage has a thread of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

_END = object()


def overlapped(items: Iterable[Any], *stages: Callable[[Any], Any]) -> Iterator[Any]:
    """``stages[-1](...stages[0](item))`` for each item, in order.

    Items are taken in a thread too; no more of them are under way than there are threads.
    What an item or a stage raises is raised in its turn, after the results before it; that ends it. Closing
    the generator waits for what is being worked on and lets the rest be.
    """
    iterator = iter(items)
    threads = [ThreadPoolExecutor(1, thread_name_prefix="stage") for _ in range(len(stages) + 1)]

    def start() -> Future[Any]:
        future = threads[0].submit(next, iterator, _END)
        for thread, stage in zip(threads[1:], stages, strict=True):
            future = thread.submit(_then, stage, future)
        return future

    try:
        under_way = deque(start() for _ in threads)
        while (result := under_way.popleft().result()) is not _END:
            under_way.append(start())  # works while the caller is busy with this one
            yield result
    finally:
        for thread in threads:
            thread.shutdown(wait=False, cancel_futures=True)
        for thread in threads:
            thread.shutdown()


def _then(stage: Callable[[Any], Any], before: Future[Any]) -> Any:
    item = before.result()
    return _END if item is _END else stage(item)
