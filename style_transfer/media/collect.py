"""From what a command was given, files and folders, to the list of pictures and videos to read and write."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from style_transfer.errors import InputFileError, UserError
from style_transfer.files import is_partial
from style_transfer.media.image import IMAGE_EXTENSIONS
from style_transfer.media.image_writer import WRITABLE_EXTENSIONS, output_format
from style_transfer.media.patterns import is_pattern
from style_transfer.media.video.format import CONTAINERS, VIDEO_EXTENSIONS, container_for

_READ_ONLY_BECOMES = ".jpg"
_READ_ONLY_VIDEO_BECOMES = ".mp4"


@dataclass(frozen=True)
class Job:
    """One picture or video to read from ``source``, and where its result goes.

    ``is_sequence``: one of the two, or both, is a pattern of images such as ``frame_%05d.png``.
    """

    source: Path
    target: Path
    is_sequence: bool = False

    @property
    def is_video(self) -> bool:
        """Painted as a film. By its name: content only decides between the formats of one kind."""
        return self.is_sequence or _is_video(self.source)


def collect_jobs(
    sources: Sequence[Path],
    output: Path | str | None,
    *,
    suffix: str,
    extension: str | None,
    preview: bool = False,
) -> list[Job]:
    """Pair every picture and video in ``sources`` with its target; nothing is read or written.

    A file goes to ``{stem}_{suffix}`` beside itself, or in ``output`` if that is a folder: there
    already, without an extension, ending in a slash (which only a ``str`` keeps), or one of several
    sources' output. A single file otherwise goes to exactly ``output``. A folder is searched
    recursively in sorted order, without hidden and unfinished files and without following links to
    folders; its tree and file names are repeated in ``output``, under the folder's name where there
    are several sources. Of targets that would share a name, regardless of case, the later ones become
    ``x_png.jpg`` (from ``x.png``) or ``x-2.jpg``.

    ``extension``, such as ``".png"``, is that of every picture's target; None keeps each source's, or
    ``.jpg`` where it cannot be written. A video keeps its extension, or becomes ``.mp4``; a ``preview``
    of it is told in its name, so that the whole does not seem to be there.

    Raises ``InputFileError`` for a source that is not there, and ``UserError`` for a folder that has
    nothing to stylize or no ``output`` outside itself, an extension that cannot be written, and a target
    that is one of the sources.
    """
    sources = list(dict.fromkeys(sources))
    if not sources:
        raise UserError("there is nothing to stylize; name a picture, a video, or a folder of these")
    if extension is not None:
        output_format(Path(f"x{extension}"))
    for source in sources:
        _check_source(source)

    only = sources[0] if len(sources) == 1 else None
    exact = _exact_target(only, output, extension) if only and only.is_file() else None
    if only and exact:
        jobs = [Job(only, exact)]
    else:
        folder = None if output is None else _output_folder(Path(output))
        jobs = _distinct(
            job
            for source in sources
            for job in (
                _folder_jobs(source, folder, extension, under_its_name=only is None)
                if source.is_dir()
                else [_file_job(source, folder, suffix, extension)]
            )
        )
        if preview:
            jobs = [
                replace(job, target=job.target.with_stem(f"{job.target.stem}_preview"))
                if job.is_video
                else job
                for job in jobs
            ]
    _check_no_source_is_lost(jobs)
    return jobs


def sequence_job(
    sources: Sequence[Path], output: Path | str | None, *, suffix: str, extension: str | None
) -> Job | None:
    """The one job where a source or ``output`` is a pattern of images; None where none is.

    Arguments as of :func:`collect_jobs`. Raises ``UserError`` where there is more than one source.
    """
    target = None if output is None else Path(output)
    into_images = target is not None and is_pattern(target)
    patterns = [source for source in sources if is_pattern(source)]
    if not (patterns or into_images):
        return None
    if len(sources) != 1:
        raise UserError("an image sequence is stylized by itself; give one input")
    source = sources[0]
    if not patterns:
        _check_source(source)
        if not _is_video(source):
            raise UserError(f"'{source}' is no video and no sequence; give one for the images '{target}'")
    named = target is not None and (into_images or target.suffix.lower() in CONTAINERS)
    if target is not None and not named and target.suffix and not _is_folder(target):
        raise UserError(f"the output '{target}' has no number; write one such as frame_%05d.png, or a folder")
    if into_images and extension and target is not None and target.suffix.lower() != extension:
        raise UserError(f"the output '{target}' ends in '{target.suffix}', not '{extension}'; leave one out")
    if target is None or not named:
        folder = source.parent if target is None else _output_folder(target)
        target = folder / f"{source.stem}_{suffix}{_target_extension(source, extension)}"
    return Job(source, target, is_sequence=True)


def _check_source(source: Path) -> None:
    try:
        mode = source.stat().st_mode
    except FileNotFoundError as error:
        raise InputFileError(f"'{source}' does not exist; check the name") from error
    except OSError as error:
        raise InputFileError(f"'{source}' cannot be opened: {error.strerror}; check the name") from error
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise InputFileError(f"'{source}' is neither a file nor a folder; name a picture or a folder")


def _exact_target(source: Path, output: Path | str | None, extension: str | None) -> Path | None:
    """``output`` if it names the result of a single file; None if it names a folder or nothing."""
    if output is None:
        return None
    target = Path(output)
    if _is_folder(target) or str(output).endswith(("/", os.sep)) or not target.suffix:
        return None
    if _is_video(source):
        container_for(target)
    elif output_format(target) != output_format(Path(f"x{extension or target.suffix}")):
        raise UserError(f"the output '{target}' is not of the format asked for, {extension}; use one of them")
    return target


def _output_folder(output: Path) -> Path:
    if _identity(output) and not _is_folder(output):
        raise UserError(f"the output '{output}' is a file; give a folder with -o")
    if output.suffix.lower() in IMAGE_EXTENSIONS | VIDEO_EXTENSIONS and not _is_folder(output):
        raise UserError(
            f"'{output}' is the name of one file, and there may be several; give a folder with -o"
        )
    return output


def _file_job(source: Path, folder: Path | None, suffix: str, extension: str | None) -> Job:
    name = f"{source.stem}_{suffix}{_target_extension(source, extension)}"
    return Job(source, (folder or source.parent) / name)


def _folder_jobs(
    source: Path, output: Path | None, extension: str | None, *, under_its_name: bool
) -> Iterator[Job]:
    if output is None:
        raise UserError(f"'{source}' is a folder; say with -o FOLDER where its results go")
    inside, outside = source.resolve(), output.resolve()
    if outside == inside or inside in outside.parents:
        raise UserError(f"the output of the folder '{source}' must be outside itself, not '{output}'")
    found = _media_in(source)
    if not found:
        raise UserError(f"there are no pictures or videos in the folder '{source}'; name another one")
    root = output / inside.name if under_its_name else output
    for path in found:
        target = root / path.relative_to(source)
        yield Job(path, target.with_suffix(_target_extension(path, extension)))


def _media_in(folder: Path) -> list[Path]:
    """Every picture and video in ``folder`` and those in it, sorted; links to folders are not followed."""

    def refuse(error: OSError) -> None:
        raise InputFileError(
            f"the folder '{error.filename}' cannot be opened: {error.strerror}; check its permissions"
        ) from error

    found = []
    for here, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(here, name) for name in names if not name.startswith(".")]
    return sorted(
        path
        for path in found
        if path.suffix.lower() in IMAGE_EXTENSIONS | VIDEO_EXTENSIONS
        and not is_partial(path)
        and path.is_file()
    )


def _target_extension(source: Path, extension: str | None) -> str:
    if _is_video(source):
        return source.suffix if source.suffix.lower() in CONTAINERS else _READ_ONLY_VIDEO_BECOMES
    if extension is not None:
        return extension
    return source.suffix if source.suffix.lower() in WRITABLE_EXTENSIONS else _READ_ONLY_BECOMES


def _distinct(jobs: Iterable[Job]) -> list[Job]:
    """``jobs``, the later of those with the same target renamed.

    Case is ignored, so that no file system loses one of ``x.jpg`` and ``X.jpg``.
    """
    taken: set[str] = set()
    result = []
    for job in jobs:
        target = job.target
        came_from = job.source.suffix[1:]
        if _key(target) in taken and came_from and f".{came_from}".lower() != target.suffix.lower():
            target = target.with_stem(f"{target.stem}_{came_from}")
        stem, number = target.stem, 1
        while _key(target) in taken:
            number += 1
            target = target.with_stem(f"{stem}-{number}")
        taken.add(_key(target))
        result.append(Job(job.source, target))
    return result


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_EXTENSIONS


def _key(target: Path) -> str:
    return str(target).casefold()


def _check_no_source_is_lost(jobs: Sequence[Job]) -> None:
    """Compared as the system sees files, so that links and other spellings of a name are found too."""
    inputs = {_identity(job.source): job.source for job in jobs}
    for job in jobs:
        if _is_folder(job.target):
            raise UserError(f"the output '{job.target}' is a folder; move it away or choose another with -o")
        if (here := _identity(job.target)) and here in inputs:
            raise UserError(
                f"the result of '{job.source}' would overwrite the input '{inputs[here]}';"
                " choose another output with -o"
            )


def _identity(path: Path) -> tuple[int, int] | None:
    """Device and inode of what ``path`` leads to; None where that is nothing, or hidden from this user."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _is_folder(path: Path) -> bool:
    return _identity(path) is not None and path.is_dir()
