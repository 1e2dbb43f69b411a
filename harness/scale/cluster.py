"""Scoring on a Dask cluster: `harness.scale.score_lines` as tasks on blocks of files.

Each task reads its block, scores it, writes its part of the table and gives back a few bytes an answer. A task that is
run again after its worker died gives the same, so a killed worker costs time only. The pack travels with the tasks:
workers need gonogo of the same version and nothing else of ours.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import logging
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fsspec

from harness import __version__
from harness.errors import EndpointError, InputError
from harness.foreign.containers import is_parquet, parquet
from harness.pack import PACK_FILE, Pack
from harness.scale import PARQUET, Made, foreign_rows, kept, model_of, parquet_group, reading, score_lines
from harness.simulation.load import robot_file, robot_sources
from harness.table import frame_of, write_parquet

if TYPE_CHECKING:
    import pandas as pd
    from distributed import Client

BLOCK = 2_000_000  # bytes of a task: some thousand answers, a second or so of scoring


def archive(pack: Pack) -> bytes:
    """What scoring needs of a pack as one ZIP: pack file, commands, profile, robot module, scenes, words, prompts."""
    root = pack.root.resolve()
    files = [root / PACK_FILE, *pack.heldout, pack.profile, *(robot_sources(robot_file(pack)) if pack.robot else ())]
    files += sorted(pack.scenes.glob("*.toml")) if pack.scenes else []
    # What is said is judged by these: words, and prompts that no answer may give away.
    files += [path for path in (pack.words, pack.system_prompt, pack.card_prompt) if path and path.is_file()]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path in files:
            if not path.resolve().is_relative_to(root):
                hint = "move it in: the pack goes to the workers"
                raise InputError("outside the pack's folder", path=path, hint=hint)
            zipped.writestr(zipfile.ZipInfo(path.resolve().relative_to(root).as_posix()), path.read_bytes())
    return buffer.getvalue()


@contextlib.contextmanager
def open_cluster(scheduler: str | None, workers: int | None = None) -> Iterator[Client]:
    """A client of a running cluster, or of one of this machine's own for as long as the context lasts.

    Without the address of a scheduler, such as `tcp://host:8786`, a local cluster is started, reachable from this
    machine alone, with so many worker processes; by default one for each core.
    """
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError:
        raise InputError("--engine dask needs Dask", hint="pip install 'gonogo[scale]'") from None
    with contextlib.ExitStack() as stack:
        if scheduler is None:
            # Dask's sampling profiler keeps what it saw: without it a worker's memory stays flat.
            stack.enter_context(dask.config.set({"distributed.worker.profile.enabled": False}))
            # One thread each: scoring is Python, and threads of one process would take turns.
            cluster = LocalCluster(
                n_workers=workers, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
            )
            where: Any = stack.enter_context(cluster)
        else:
            where = scheduler
        try:
            client = stack.enter_context(Client(where))
        except (OSError, ValueError) as error:
            raise EndpointError(
                f"the Dask scheduler {scheduler} cannot be reached: {error}\n  check the address, and that it runs"
            ) from None
        yield client
        # A worker that does not end at once is killed, which is nothing to tell a user at this point.
        logging.getLogger("distributed.nanny").setLevel(logging.ERROR)


def score_on(
    client: Client,
    files: Sequence[str],
    pack: Pack,
    table: str | None = None,
    *,
    block: int = BLOCK,
    show_progress: bool = False,
) -> pd.DataFrame:
    """Score files on a cluster; what `harness.scale.kept` keeps of all rows, in order.

    Args:
        client: Of the cluster.
        files: From `harness.scale.files_of`; the workers read them, by addresses or absolute paths.
        pack: Travels with the tasks.
        table: Folder or fsspec address for the table, a Parquet file for each task; older ones there are replaced.
        block: Bytes of JSONL of one task; of Parquet a task is a row group.
        show_progress: Dask's own progress bar, on stderr.
    """
    import pandas as pd
    from dask.delayed import delayed

    if table is not None:
        table = _absolute(table).rstrip("/")
        with _writing(table) as system:
            system.makedirs(table, exist_ok=True)
            for old in system.glob(f"{table}/part-*.parquet"):  # of an earlier run
                system.rm_file(old)
    commands = {case.id: case.command for case in pack.cases()}
    blocks = [(model_of(file), one) for file in map(_absolute, files) for one in _blocks(file, block, commands)]
    # A task that gives it, since scattered data are gone when the workers that hold them are killed.
    shipped = delayed(bytes, pure=False)(archive(pack))
    task = delayed(_score, pure=False)  # not pure: files may have changed since a run on this cluster
    tasks = [
        task(lines, model, shipped, __version__, table and f"{table}/part-{n:05d}.parquet")
        for n, (model, lines) in enumerate(blocks)
    ]
    futures = client.compute(tasks)
    if show_progress:
        from distributed import progress

        with contextlib.redirect_stdout(sys.stderr):  # where Dask's bar would spoil the result
            progress(futures, notebook=False)
        print(file=sys.stderr)  # noqa: T201  the bar leaves the line open
    frames: list[pd.DataFrame] = client.gather(futures)
    return pd.concat([kept(frame_of([])), *frames], ignore_index=True)


def _absolute(url: str) -> str:
    return url if "://" in url else str(Path(url).absolute())


def _blocks(file: str, size: int, commands: Mapping[str, str]) -> list[Any]:
    """Tasks that read parts of a file as lines: every line is in exactly one. Another tool's file is one task."""
    import dask.bag
    from dask.delayed import delayed

    with reading(file):
        with fsspec.open(file, "rb") as stream:
            if foreign_rows(stream, file, {}) is not None:
                return [delayed(_read_foreign, pure=False)(file, commands)]
            if file.endswith(PARQUET) or is_parquet(stream):
                read = delayed(_read_group, pure=False)
                return [read(file, group) for group in range(parquet(stream).num_row_groups)]
        if not fsspec.core.url_to_fs(file)[0].size(file):
            return []
        bag = dask.bag.read_text(
            file, blocksize=size, encoding="utf-8", errors="surrogateescape", linedelimiter="\n", compression=None
        )
        first, *rest = bag.to_delayed()
        return [delayed(_without_mark)(first), *rest]


def _without_mark(lines: Sequence[str]) -> list[str]:
    """The task: the first lines of a file without a byte order mark, as `harness.files.numbered` reads them."""
    return [line.removeprefix("\ufeff") if n == 0 else line for n, line in enumerate(lines)]


def _read_group(file: str, group: int) -> list[str]:
    """The task: one row group."""
    with reading(file), fsspec.open(file, "rb") as stream:
        return parquet_group(stream, group)


def _read_foreign(file: str, commands: Mapping[str, str]) -> list[str | Made]:
    """The task: a file of another tool."""
    with reading(file), fsspec.open(file, "rb") as stream:
        rows = foreign_rows(stream, file, commands)
        return [] if rows is None else [*rows]


def _score(lines: Sequence[str | Made], model: str, pack: bytes, version: str, target: str | None) -> pd.DataFrame:
    """The task: one block, with an `archive` and the version of gonogo that made it."""
    if version != __version__:
        hint = "install the same version on all workers"
        raise InputError(f"a worker has gonogo {__version__}, not {version}", hint=hint)
    frame = score_lines(
        [line.rstrip("\r\n") if isinstance(line, str) else line for line in lines], model, _unpacked(pack)
    )
    if target is not None:
        content = io.BytesIO()
        write_parquet(frame, content)
        with _writing(target) as system, system.transaction, system.open(target, "wb") as file:
            file.write(content.getvalue())  # appears when it is whole: a killed worker leaves no half of it
    return kept(frame)


@lru_cache(maxsize=4)
def _unpacked(content: bytes) -> str:
    """Folder with the pack, made once in each worker process."""
    root = Path(tempfile.mkdtemp(prefix="gonogo-pack-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    with zipfile.ZipFile(io.BytesIO(content)) as zipped:
        zipped.extractall(root)
    return str(root)


@contextlib.contextmanager
def _writing(table: str) -> Iterator[Any]:
    """The file system of a table's address; what it says as a message to the user."""
    try:
        yield fsspec.core.url_to_fs(table)[0]
    except (OSError, ImportError, ValueError) as error:
        raise InputError(f"cannot write the table: {error}", path=table, hint="choose another folder") from None
