"""Workers of a sweep: processes of this machine (loky) or of a Dask scheduler; points survive the death of a worker."""
import os
import pickle
import signal
import threading
import time
from collections.abc import Iterator

from spikelearn.command.process import import_brian2
from spikelearn.command.sweep_points import Point, Reply, run_pickled, run_points
from spikelearn.errors import SpikelearnError

DIED = "its worker died: the memory was full, or somebody ended it"
PATIENCE = "20s"      # until a scheduler answers; chosen here
NO_DASK = "--scheduler needs Dask distributed, which is not installed: pip install 'spikelearn[cluster]'"


def on_this_machine(points: list[Point], jobs: int, at_once: int = 1) -> Iterator[tuple[Point, Reply]]:
    """Run points in processes of this machine.

    When a process dies, all of them are started anew. Which of the points that were running killed it is not known:
    each of them is tried again, alone, and one whose process dies again has failed.

    Parameters
    ----------
    points : what to run.
    jobs : processes.
    at_once : points that a process takes at once.

    Returns
    -------
    Iterator of (point, what became of it), in the order in which they are over.
    """
    waiting, suspects = list(points), []
    while waiting or suspects:
        alone, batch = bool(suspects), suspects or waiting
        size = 1 if alone else at_once
        for point in batch:
            point.marker.unlink(missing_ok=True)
        left = {point.folder: point for point in batch}
        for point, reply in _through_pool([batch[k:k + size] for k in range(0, len(batch), size)],
                                          1 if alone else jobs):
            del left[point.folder]
            yield point, reply
        died = [point for point in left.values() if point.marker.exists()]
        rest = [point for point in left.values() if not point.marker.exists()]
        if rest and not died:
            raise SpikelearnError("the processes of the sweep end before they begin: try --jobs 1, or free memory")
        for point in died if alone else ():
            point.marker.unlink(missing_ok=True)
            yield point, Reply(DIED)
        waiting, suspects = (waiting, rest) if alone else (rest, died)


def _through_pool(chunks, jobs):
    """(point, reply) of each chunk that is over before a process dies."""
    from concurrent.futures import as_completed
    from concurrent.futures.process import BrokenProcessPool

    from joblib.externals.loky import ProcessPoolExecutor

    threads = {name: str(max(1, (os.cpu_count() or 1) // jobs)) for name in
               ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS") if name not in os.environ}
    pool = ProcessPoolExecutor(min(jobs, len(chunks)), initializer=begin_worker, initargs=(os.getpid(),), env=threads)
    try:
        futures = {pool.submit(run_points, chunk): chunk for chunk in chunks}
        for future in as_completed(futures):
            try:
                replies = future.result()
            except BrokenProcessPool:
                continue
            yield from zip(futures[future], replies, strict=True)
    finally:
        pool.shutdown(wait=False, kill_workers=True)


def begin_worker(parent: int) -> None:
    """A process leaves interruptions to the sweep that started it, and ends with it. parent : its number."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import_brian2(quiet=True)       # before a point that is sent to it does

    def watch():
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def over_scheduler(points: list[Point], address: str) -> Iterator[tuple[Point, Reply]]:
    """Run points on the workers of a Dask scheduler, which share this file system.

    Dask gives the points of a worker that died to others; one that kills four of them has failed.

    Parameters
    ----------
    points : what to run.
    address : of the scheduler, such as "tcp://host:8786".

    Returns
    -------
    Iterator of (point, what became of it), in the order in which they are over.

    Raises
    ------
    SpikelearnError
        If Dask distributed is not installed, or if no scheduler answers.
    """
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise SpikelearnError(NO_DASK) from error
    try:
        client = Client(address, timeout=PATIENCE)
    except (OSError, ValueError, TypeError) as error:
        raise SpikelearnError(f"no Dask scheduler answers at '{address}'") from error
    with client:
        futures = {client.submit(run_pickled, pickle.dumps([point]), pure=False): point for point in points}
        for future in as_completed(list(futures)):
            yield futures[future], _reply(future)


def _reply(future):
    from distributed import KilledWorker

    try:
        return future.result()[0]
    except KilledWorker:
        return Reply(DIED)
    except Exception as error:
        return Reply(f"its worker could not run it: {type(error).__name__}: {' '.join(str(error).split())}")
