"""Optimisations that run at the same time and share their simulations.

Each task is an ordinary function that asks for the results of some points and waits. As soon as every task that is
still at work has asked, all points are computed together, in one simulation.
"""
import threading
from collections.abc import Callable, Sequence

import numpy as np


class _Stopped(Exception):
    """Ends a task whose points could not be computed."""


class _Meeting:
    """Where tasks leave their points and wait for the results."""

    def __init__(self, count: int):
        self.changed = threading.Condition()
        self.at_work, self.asked, self.answers, self.failures = set(range(count)), {}, {}, []

    def ask(self, task: int, points: np.ndarray) -> np.ndarray:
        with self.changed:
            self.asked[task] = points
            self.changed.notify_all()
            self.changed.wait_for(lambda: task in self.answers or self.failures)
            if self.failures:
                raise _Stopped
            return self.answers.pop(task)

    def leave(self, task: int, failure: BaseException | None) -> None:
        with self.changed:
            self.at_work.discard(task)
            if failure is not None:
                self.failures.append(failure)
            self.changed.notify_all()

    def points(self) -> dict:
        """Task -> points, once every task at work has asked; empty when all are done or one failed."""
        with self.changed:
            self.changed.wait_for(lambda: self.failures or set(self.asked) >= self.at_work)
            asked, self.asked = dict(sorted(self.asked.items())), {}
            return {} if self.failures else asked

    def answer(self, answers: dict) -> None:
        with self.changed:
            self.answers |= answers
            self.changed.notify_all()


def side_by_side(compute: Callable[[np.ndarray], np.ndarray], tasks: Sequence[Callable]) -> list:
    """What the tasks return, in their order.

    Parameters
    ----------
    compute : function of points (m, p) that returns their results (m, n); always called in this thread.
    tasks : functions of `ask`; ask(points) returns the results of its points.

    Raises whatever a task or `compute` raises.
    """
    meeting, results = _Meeting(len(tasks)), [None] * len(tasks)

    def work(number):
        failure = None
        try:
            results[number] = tasks[number](lambda points: meeting.ask(number, np.atleast_2d(points)))
        except _Stopped:
            pass
        except BaseException as error:      # told below, in the thread of the caller
            failure = error
        meeting.leave(number, failure)

    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(len(tasks))]
    for thread in threads:
        thread.start()
    try:
        while asked := meeting.points():
            found = compute(np.concatenate(list(asked.values())))
            ends = np.cumsum([len(points) for points in asked.values()])[:-1]
            meeting.answer(dict(zip(asked, np.split(found, ends), strict=True)))
    except BaseException as error:
        meeting.leave(-1, error)
    for thread in threads:
        thread.join()
    if meeting.failures:
        raise meeting.failures[0]
    return results
