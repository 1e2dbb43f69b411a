"""Scoring on a Dask cluster: the partitions and the one task of `harness.scoring`, wherever Dask's workers are.

    with open_cluster(None, workers=2) as client:
        tally = score_on(client, parts, pack, table="s3://bucket/scores.parquet")

Each task reads its partition, scores it, writes its part of the table and gives back its tally; tallies merge in a
tree, in the order of the partitions, on the workers. No row ever travels. A task that is run again after its worker
died gives the same, so a killed worker costs time only. The pack travels with the tasks: workers need gonogo of the
same version and nothing else of ours.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import io
import logging
import shutil
import sys
import tempfile
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import __version__
from harness.errors import EndpointError, InputError
from harness.pack import PACK_FILE, Pack
from harness.partitions import Part, filesystem, open_url
from harness.scoring import score_part
from harness.simulation.load import robot_file, robot_sources
from harness.tables import write_parquet
from harness.tally import Tally, merge

if TYPE_CHECKING:
    from distributed import Client

TOGETHER = 16  # tallies merged by one task


@dataclass(frozen=True, slots=True)
class PackArchive:
    """What scoring needs of a pack, as bytes.

    Attributes:
        version: Of gonogo where it was made.
    """

    content: bytes
    digest: str
    version: str = __version__


def archive(pack: Pack) -> PackArchive:
    """Pack file, held-out commands, profile, robot module and scenes as one archive.

    Raises:
        InputError: one of them lies outside the pack's folder.
    """
    root = pack.root.resolve()
    files = [root / PACK_FILE, *pack.heldout, pack.profile, *robot_sources(robot_file(pack))]
    files += sorted(pack.scenes.glob("*.toml")) if pack.scenes else []
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path in files:
            resolved = path.resolve()
            if not resolved.is_relative_to(root):
                raise InputError(
                    "outside the pack's folder", path=path, hint="move it in: the pack goes to the workers"
                )
            zipped.writestr(zipfile.ZipInfo(resolved.relative_to(root).as_posix()), resolved.read_bytes())
    content = buffer.getvalue()
    return PackArchive(content, hashlib.sha256(content).hexdigest())


@contextlib.contextmanager
def open_cluster(scheduler: str | None, workers: int | None = None) -> Iterator[Client]:
    """A client of a running cluster, or of one of this machine's own for as long as the context lasts.

    Args:
        scheduler: Address such as `tcp://host:8786`; None starts a local cluster, reachable from this machine alone.
        workers: Processes of the local cluster; by default one for each core.

    Raises:
        InputError: Dask is missing.
        EndpointError: the scheduler cannot be reached.
    """
    try:
        import dask  # noqa: PLC0415  an extra
        from distributed import Client, LocalCluster  # noqa: PLC0415  the same
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
    client: Client, parts: Sequence[Part], pack: Pack, table: str | None = None, *, show_progress: bool = False
) -> Tally:
    """Score partitions on a cluster.

    Args:
        client: Of the cluster.
        parts: From `harness.partitions.partition`; the workers read them, so they need to reach the addresses. Paths
            of files are made absolute: the workers of a cluster of several machines need a disk in common for them.
        pack: Travels with the tasks.
        table: Folder or fsspec address for the table, a Parquet file for each partition; older ones there are replaced.
        show_progress: Dask's own progress bar, on stderr.

    Returns:
        The sums, equal to those of any other engine and partitioning.

    Raises:
        InputError: a partition cannot be read or written, the pack cannot be used, or a worker has another gonogo.
    """
    if table is not None:
        table = _absolute(table)
        _make_room(table)
    if not parts:
        return Tally()
    # A task that gives it, since scattered data are gone when the workers that hold them are killed.
    shipped = client.submit(_deliver, archive(pack), pure=False)
    targets = [None if table is None else f"{table.rstrip('/')}/part-{n:05d}.parquet" for n in range(len(parts))]
    # pure=False: files may have changed since a run of the same name on this cluster.
    level = client.map(
        _score, [replace(part, url=_absolute(part.url)) for part in parts], targets, pack=shipped, pure=False
    )
    while len(level) > 1:  # Dask forgets a tally as soon as it is merged
        groups = [level[i : i + TOGETHER] for i in range(0, len(level), TOGETHER)]
        level = [client.submit(_merge, group, pure=False) for group in groups]
    if show_progress:
        _show_progress(level)
    tally: Tally = level[0].result()
    if table is not None and "://" not in table:
        _sweep(Path(table))
    return tally


def _absolute(url: str) -> str:
    return url if "://" in url else str(Path(url).absolute())


def _deliver(pack: PackArchive) -> PackArchive:
    """The task: the pack, once more for workers that have not got it."""
    return pack


def _score(part: Part, target: str | None, pack: PackArchive) -> Tally:
    """The task: one partition."""
    if pack.version != __version__:
        raise InputError(
            f"a worker has gonogo {__version__}, not {pack.version}", hint="install the same version on all workers"
        )
    rows, tally = score_part(part, _unpacked(pack))
    if target is not None:
        content = io.BytesIO()
        write_parquet(rows, content)
        _put(target, content.getvalue())
    return tally


def _merge(tallies: Sequence[Tally]) -> Tally:
    """The task: tallies of neighbouring partitions as one. Inputs are shared between tasks, so none is changed."""
    return merge(tallies)


def _unpacked(pack: PackArchive) -> str:
    """Folder with the pack, made once in each worker process."""
    return _unpack(pack.digest, pack.content)


@lru_cache(maxsize=4)
def _unpack(digest: str, content: bytes) -> str:
    root = Path(tempfile.mkdtemp(prefix=f"gonogo-pack-{digest[:8]}-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    with zipfile.ZipFile(io.BytesIO(content)) as zipped:
        zipped.extractall(root)
    return str(root)


def _put(target: str, content: bytes) -> None:
    """Write a file whole: whoever reads, or writes it a second time, never sees a part."""
    try:
        if "://" in target:
            with open_url(target, "wb") as file:  # object stores show a file when it is complete
                file.write(content)
            return
        path = Path(target)
        fresh = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        fresh.write_bytes(content)
        fresh.replace(path)
    except OSError as error:
        raise InputError(f"cannot write the table: {error}", path=target, hint="choose another folder") from None


def _make_room(table: str) -> None:
    """The folder, without partitions of an earlier run."""
    try:
        if "://" in table:
            system = filesystem(table)
            system.makedirs(table, exist_ok=True)
            for old in system.glob(f"{table.rstrip('/')}/part-*.parquet"):
                system.rm_file(old)
            return
        folder = Path(table)
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("part-*.parquet"):
            path.unlink()
        _sweep(folder)
    except OSError as error:
        raise InputError(f"cannot write the table: {error}", path=table, hint="choose another folder") from None


def _sweep(folder: Path) -> None:
    """Remove what workers that were killed while writing have left."""
    for path in folder.glob(".part-*.parquet.*"):
        path.unlink(missing_ok=True)


def _show_progress(futures: Sequence[Any]) -> None:
    from distributed import progress  # noqa: PLC0415  an extra

    with contextlib.redirect_stdout(sys.stderr):  # where Dask's bar would spoil the result
        progress(futures, notebook=False)
    print(file=sys.stderr)  # noqa: T201  the bar leaves the line open
