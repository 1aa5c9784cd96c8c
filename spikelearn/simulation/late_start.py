"""Groups of the user's own network that join it while it runs: what is checked and set before each run."""
import contextlib

import numpy as np
from brian2 import NeuronGroup, Synapses, second

from spikelearn.simulation.delays import check_delays_of
from spikelearn.simulation.spike_tables import NEVER, check_grid


def leave_out_the_past(group: NeuronGroup, table: np.ndarray) -> None:
    """Refuse spikes off the grid; let a train that joins late, or is restored, leave out what is past.

    table : spike times in seconds as spike_table makes it.
    """
    prepare = group.before_run

    def before_run(run_namespace=None):
        dt, now = float(group.clock.dt), float(group.clock.t[:])
        check_grid(table, dt, NEVER, group.name)
        prepare(run_namespace)
        if now > 0:
            past = np.sum(table < now - dt / 2, axis=0)
            group.spikes_so_far, group.next_spike = past, table[past, np.arange(len(past))] * second

    group.__dict__["before_run"] = before_run


def start_with_the_first_run(connection: Synapses) -> None:
    """Refuse delays off the grid; let traces solved between events start when they are first run, not at 0 s."""
    prepare, began, traces = connection.before_run, [], "lastupdate" in connection.variables

    def before_run(run_namespace=None):
        check_delays_of(connection)
        prepare(run_namespace)
        if not traces:
            return
        now = float(connection.clock.t[:])
        if not began:
            began.append(now)
            if now > 0:
                connection.lastupdate = now * second
        elif began[0] > 0:              # a state from before the first run may have been restored
            with contextlib.suppress(NotImplementedError):      # C++ standalone cannot restore
                new = np.flatnonzero(np.asarray(connection.lastupdate[:]) < began[0])
                connection.lastupdate[new] = now * second

    connection.__dict__["before_run"] = before_run
