"""The one place that sets Brian2's globals (device, time step, seed), and networks built once, run many times.

C++ standalone can run a binary again with other values (`name=value` on its command line), but not with other namespace
constants or another SpikeGeneratorGroup; so model parameters are declared as variables and spike times stand in a
TimedArray (network.spike_trains). The generator is seeded from a variable when the program starts, not when built.
"""
import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping

import brian2
import numpy as np
from brian2 import Network, NeuronGroup, Quantity, TimedArray, ms

from spikelearn.errors import SpikelearnError, alternatives
from spikelearn.ranges.keywords import KEYWORDS
from spikelearn.simulation.brian_internals import device as devices
from spikelearn.simulation.brian_internals.objects import delays, fresh_names, is_array, note, noted, pathways
from spikelearn.simulation.brian_internals.shortcuts import shortcuts
from spikelearn.simulation.cache import ProgramGone, folder_for_runs, folder_of_one_run
from spikelearn.simulation.delays import NEGATIVE_DELAY, check_delays
from spikelearn.simulation.devices import choose_device
from spikelearn.simulation.program_code import PARENT, READ, TIMES, add_code
from spikelearn.simulation.programs import TOLD, compiled, compiled_if_gone, neuron_steps, problem
from spikelearn.simulation.spike_tables import check_grid
from spikelearn.simulation.variables import checked_value, find, size_of, with_unit
from spikelearn.simulation.warnings import brian_warnings_answered

PRECISIONS = {"double": np.float64, "single": np.float32}
STEP = "SPIKELEARN_STEP"        # environment variable with the time step of a run, in seconds


class Simulation:
    """A network built once and run many times: (values, stimulus, seed) -> values.

    Parameters
    ----------
    build : function without arguments that returns the Brian2 objects (and TimedArrays) of the network.
    duration, dt : simulated time of each run; its time step.
    device : "auto", "numpy", "cython" or "cpp"; `built` tells whether a program was compiled, after `build_seconds`.
    precision, profile : "double" or "single", of all but time; measure the C++ code into `times`, name -> seconds.

    Examples
    --------
    >>> simulation = sl.Simulation(lambda: [sl.neurons("lif", 2, name="cells")], 10*ms, dt=0.1*ms)
    >>> read = simulation.run({"cells.I": [0, 1]*nA}, read=["cells.v"])
    >>> print((read["cells.v"] / mV).round(2))
    [-70.   -63.68]
    """

    def __init__(self, build: Callable[[], Iterable], duration: Quantity, *, device: str = "auto",
                 dt: Quantity = 1 * ms, precision: str = "double", profile: bool = False):
        if precision not in PRECISIONS:
            raise SpikelearnError(f"there is no precision '{precision}'{alternatives(str(precision), PRECISIONS)}")
        self.duration, self.dt, self.precision = duration, dt, PRECISIONS[precision]
        self.profile, self.times = profile, {}
        self.device = choose_device(device, float(duration / dt))
        self.built, start = False, time.perf_counter()
        self._brian_device = devices.new_program() if self.device == "cpp" else devices.here()
        with self._globals(), fresh_names():
            made = list(build())
            self.timed_arrays = {item.name: item for item in made if isinstance(item, TimedArray)}
            self.objects = {item.name: item for item in made if not isinstance(item, TimedArray)}
            self._refuse_negative_delays()
            if self.device == "cpp":
                self._build()
            else:
                self.network = Network(list(self.objects.values()))
                self.network.store()
        self.build_seconds = time.perf_counter() - start

    @contextlib.contextmanager
    def _globals(self, calls=None):
        """Brian2's device, time step and code generation target while this network is worked on; put back after."""
        target = "cython" if self.device == "cython" else "numpy"
        with (shortcuts(), brian_warnings_answered(lambda: getattr(self, "objects", {}).values()),
              devices.globals_set(self._brian_device, self.dt, self.precision, target, calls)):
            yield

    def _refuse_negative_delays(self):
        """Brian2 takes a negative delay for none."""
        for pathway in self._pathways() if self.device != "cpp" else ():        # a C++ program looks for itself
            if np.any(np.asarray(delays(pathway).get_value()) < 0):
                raise SpikelearnError(NEGATIVE_DELAY.format(pathway.name))

    def _pathways(self):
        """Every synaptic pathway of the network."""
        return [pathway for item in self.objects.values() for pathway in pathways(item)]

    def _expressions(self):
        """(object, variable, expression) of every initial value that is an expression."""
        return [(item, name, value) for item in (*self.objects.values(), *self._pathways())
                for name, value in noted(item, "values", {}).items() if isinstance(value, str)]

    def _defaults(self):
        return {f"{item.name}.{name}": value for item in self.objects.values()
                for name, value in noted(item, "values", {}).items() if not isinstance(value, str)}

    def run(self, values: Mapping | None = None, *, seed: int = 0, read: Iterable[str] = (),
            dt: Quantity | None = None, finite: bool = True) -> dict:
        """Run the network from its initial values; returns what `read` names, records as (n_recorded, n_steps).

        Parameters
        ----------
        values : "object.variable" -> number, Quantity or array; "timed_array" -> array of its shape; else the default.
        seed : int from 0 to 2^31 - 1; the same seed gives the same result.
        read : names "object.variable" to return, also of monitors ("spikes.t", "potential.v").
        dt : time step of this run, None = the simulation's. TimedArrays keep their own.
        finite : raise SpikelearnError for values that became infinite or not-a-number; False returns them.
        """
        values = {**self._defaults(), **(values or {})}
        KEYWORDS["seed"].check("seed", seed)
        for name in [*values, *read]:
            self._variable(name)
        step = self.dt if dt is None else dt
        self._check_spike_times(values, step)
        check_delays(self.objects.values(), values, step)
        run = self._run_cpp if self.device == "cpp" else self._run_here
        with contextlib.nullcontext() if self.device == "cpp" else self._globals():     # a program runs in any thread
            results = run(values, int(seed), list(read), step)
        for name, value in results.items() if finite else ():
            if np.issubdtype(np.asarray(value).dtype, np.floating) and not np.isfinite(np.asarray(value)).all():
                raise SpikelearnError(f"'{name}' became infinite or not-a-number: its equations divide by zero "
                                      "or grow without bound, or the time step is too long for them")
        return results

    def _check_spike_times(self, values, dt):
        """Refuse spike times off the grid of the time step, twice in a step or after the end of the run."""
        for name, array in self.timed_arrays.items():
            if noted(array, "holds_spikes", False):
                times = values.get(name, noted(array, "first_values", array.values))
                check_grid(np.asarray(self._checked(name, times) if name in values else times), float(dt),
                           float(self.duration), name.removesuffix("_times"))

    def _variable(self, name):
        """The Brian2 variable (or TimedArray) with this name."""
        return find(name, self.objects, self.timed_arrays)

    def _checked(self, name, value):
        """Plain array of a value in base units, its unit and shape checked."""
        return checked_value(name, self._variable(name), value)

    # --- in this process: NumPy, Cython ------------------------------------------------------------------------

    def _run_here(self, values, seed, read, dt):
        self.network.restore()
        brian2.defaultclock.dt = dt
        for array in self.timed_arrays.values():
            if noted(array, "first_values") is None:
                note(array, first_values=array.values.copy())
            array.values[...] = noted(array, "first_values")
        brian2.seed(seed)
        self._set(values)
        for item, name, expression in self._expressions():
            setattr(item, name, expression)
        self._set({name: value for name, value in values.items() if name not in self._defaults()})
        self.network.run(self.duration, namespace={})
        return {name: with_unit(self._variable(name), self._variable(name).get_value()) for name in read}

    def _set(self, values):
        for name, value in values.items():
            array = self._checked(name, value)
            if name in self.timed_arrays:
                self.timed_arrays[name].values[...] = array
                continue
            variable = self._variable(name)
            if array.ndim and array.size != 1 and array.size != variable.size:
                raise SpikelearnError(f"'{name}' has {variable.size} values, not {array.size}")
            variable.set_value(np.broadcast_to(array.ravel() if array.ndim else array, (variable.size,))
                               if variable.size != 1 else array.reshape(-1)[:1])

    # --- C++ standalone ----------------------------------------------------------------------------------------

    def _build(self):
        device = self._brian_device
        # a variable whose value seeds the generator when the program starts
        seeder = NeuronGroup(1, "random_seed : integer (shared, constant)", name="simulation")
        self.objects["simulation"] = seeder
        network = Network(list(self.objects.values()))
        devices.take_values(device)                   # parameters first ...
        devices.seed_from(device, seeder.variables["random_seed"])
        for item, variable, expression in self._expressions():
            setattr(item, variable, expression)       # ... then the expressions that use them ...
        devices.take_values(device, again=True)       # ... then the values given by the user
        devices.step_from_environment(device, STEP)
        for pathway in self._pathways():
            devices.refuse_negative(device, delays(pathway), TOLD + NEGATIVE_DELAY.format(pathway.name))
        network.run(self.duration, namespace={}, profile=self.profile)
        add_code(device)
        self._calls, self._work = devices.calls_of(device), neuron_steps(self.objects, float(self.duration / self.dt))
        self.network = network
        self.folder, self.built = compiled(device, self._work)
        self._runs = folder_for_runs()

    def _run_cpp(self, *arguments):
        try:
            return self._run_program(*arguments)
        except ProgramGone:         # compile it once more
            return self._run_program(*arguments)

    def _run_program(self, values, seed, read, dt):
        self.folder = compiled_if_gone(self.folder, self._brian_device, self._work, self._globals(self._calls))
        with folder_of_one_run(self._runs, self.folder) as folder:
            arguments = self._arguments({**values, "simulation.random_seed": seed}, folder)
            os.makedirs(folder / "results")
            wanted = {READ: ",".join([*(self._file(name) for name in read), *[TIMES] * self.profile])}
            wanted |= {PARENT: str(os.getpid())} | ({} if dt is self.dt else {STEP: repr(float(dt))})
            program = subprocess.run([str(self.folder / "main"), "--results_dir", f"{folder}/results/", *arguments],
                                     cwd=self.folder, capture_output=True, text=True, env={**os.environ, **wanted})
            if program.returncode or program.stderr.strip():
                raise SpikelearnError(problem(program, lambda name: self._variable(name).dtype))
            if self.profile:
                seconds = np.fromfile(folder / "results" / TIMES).tolist()
                self.times = dict(zip(devices.measured(self._brian_device), seconds, strict=True))
            return {name: self._read(name, folder / "results") for name in read}

    def _arguments(self, values, folder):
        """Command line that sets variables: numbers as they are, arrays through files in `folder`."""
        arguments = []
        for name, value in values.items():
            target, array = self._variable(name), self._checked(name, value)
            timed = isinstance(target, TimedArray)
            array = np.ascontiguousarray(array, dtype=target.values.dtype if timed else target.dtype)
            if array.size == 1 and np.isfinite(array).all():
                text = repr(array.reshape(-1)[0].item())
            else:
                size = array.size if timed else size_of(target)
                array = np.full(size, array.reshape(-1)[0]) if array.size == 1 else array
                if array.size != size and size:
                    raise SpikelearnError(f"'{name}' has {size} values, not {array.size}")
                text = str(folder / name)
                array.tofile(text)
            arguments.append(f"{name}.values={text}" if timed else f"{name}={text}")
        return arguments

    def _file(self, name):
        """Name of the file in which a program leaves a variable."""
        variable = self._variable(name)
        if not is_array(variable):
            raise SpikelearnError(f"'{name}' is computed, not stored: record it with a monitor")
        return devices.file_of(self._brian_device, variable)

    def _read(self, name, results):
        variable = self._variable(name)
        array = np.fromfile(results / self._file(name), dtype=variable.dtype)
        if getattr(variable, "ndim", 1) == 2:
            array = array.reshape(-1, variable.size[1])
        return with_unit(variable, array)
