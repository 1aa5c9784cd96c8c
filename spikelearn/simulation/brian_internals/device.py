"""Brian2's devices: its globals, a device for one compiled program, what that program is told and what it tells."""
import contextlib

import brian2
from brian2 import prefs
from brian2.codegen import cpp_prefs
from brian2.devices import device_module
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice

from spikelearn.simulation.brian_internals import relied_on


def new_program():
    """A device of its own for a compiled program: brian2/devices/cpp_standalone/device.py, CPPStandaloneDevice."""
    return CPPStandaloneDevice()


def here():
    """The device that runs in this process: brian2/devices/device.py, runtime_device."""
    return device_module.runtime_device


@contextlib.contextmanager
def globals_set(device, dt, precision, target, calls=None):
    """Brian2's device, time step, precision and code generation target while a network is worked on; put back after.

    brian2/devices/device.py, active_device and runtime_device.defaultclock. calls : of the device's program (calls_of)
    where that is complete: the time step, which it has already, would be set once more.
    """
    relied_on(hasattr(device_module, "active_device") and hasattr(here(), "defaultclock"), "its device is elsewhere")
    before, clock = device_module.active_device, here().defaultclock
    old_target, old_precision, dt_before = prefs.codegen.target, prefs.core.default_float_dtype, clock.dt
    stops = prefs.core.stop_on_keyboard_interrupt       # early, as if the simulation were over
    try:
        if device is not here():
            brian2.set_device(device, build_on_run=False)
        prefs.core.default_float_dtype = precision
        prefs.core.stop_on_keyboard_interrupt = False
        prefs.codegen.target = target
        brian2.defaultclock.dt = dt
        if calls is not None:
            device.main_queue[:] = calls
        yield
    finally:
        prefs.codegen.target = old_target
        prefs.core.default_float_dtype = old_precision
        prefs.core.stop_on_keyboard_interrupt = stops
        if device_module.active_device is not before:
            device_module.reset_device()
        clock.dt = dt_before


# --- the program of a device -------------------------------------------------------------------------------------

def take_values(device, again=False):
    """Let the program take the values of its command line here, or once more.

    brian2/devices/cpp_standalone/device.py, apply_run_args: writes the call of set_from_command_line, which the
    template main.cpp defines, and Brian2 then leaves out its own call.
    """
    if not again:
        device.apply_run_args()
        relied_on(device.run_args_applied and device.main_queue[-1][1] == "set_from_command_line(args);",
                  "a program takes its values otherwise")
    else:
        device.insert_code("main", "set_from_command_line(args);")


def seed_from(device, variable):
    """Let a variable of the network seed the random numbers of a program when it starts.

    brian2/devices/cpp_standalone/templates/objects.cpp: _random_generators, one a thread, of which there is one here.
    """
    _in_main(device, f"_random_generators[0].seed({name_of(device, variable)}[0]);")


def step_from_environment(device, name):
    """Let an environment variable, in seconds, be the time step of a program; without it the step stays.

    brian2/core/clocks.py: the variable dt of the default clock, from which a run takes its step.
    """
    clock = name_of(device, brian2.defaultclock.variables["dt"])
    _in_main(device, f'if (const char* step = std::getenv("{name}")) {clock}[0] = std::atof(step);')


def refuse_negative(device, variable, sentence):
    """Let a program end with a sentence on standard error if an array, such as delays, holds a negative number.

    brian2/devices/cpp_standalone/templates/objects.cpp: an array whose length can change is a std::vector.
    """
    array = name_of(device, variable, whole=True)
    _in_main(device, f'for (double delay : {array}) if (delay < 0) {{ std::cerr << "{sentence}"; std::_Exit(1); }}')


def at_the_start(device, code, headers=()):
    """C++ for the start of a program, and headers: device.py, insert_code into "before_start" and device.headers.

    brian2/devices/cpp_standalone/device.py: CPPStandaloneDevice.headers are included by every generated file.
    """
    relied_on("before_start" in device.code_lines and isinstance(getattr(device, "headers", None), list),
              "a program has no place for code at its start")
    device.headers += [header for header in headers if header not in device.headers]
    device.insert_code("before_start", code)


def at_the_end(device, code):
    """C++ for the end of a program: brian2/devices/cpp_standalone/device.py, insert_code into "before_end"."""
    relied_on("before_end" in device.code_lines, "a program has no place for code at its end")
    device.insert_code("before_end", code)


def _in_main(device, code):
    """C++ for where a program stands now: brian2/devices/cpp_standalone/device.py, insert_code into "main"."""
    device.insert_code("main", code)
    relied_on(device.main_queue[-1] == ("insert_code", code), "a program takes no code")


def calls_of(device):
    """What a program does, call by call: brian2/devices/cpp_standalone/device.py, main_queue."""
    relied_on(isinstance(getattr(device, "main_queue", None), list), "a program has no list of calls")
    return list(device.main_queue)


# --- its arrays --------------------------------------------------------------------------------------------------

def name_of(device, variable, whole=False):
    """Name of a variable's array in a program: brian2/devices/cpp_standalone/device.py, get_array_name.

    whole : of the vector itself, where its length can change.
    """
    return device.get_array_name(variable, access_data=not whole)


def file_of(device, variable):
    """The file in which a program leaves a variable: brian2/devices/cpp_standalone/device.py, get_array_filename."""
    return device.get_array_filename(variable)


def arrays_of(device):
    """(variable, file, name, dimensions) of all arrays of a program; dimensions : 0 fixed, 1 or 2 growing.

    brian2/devices/cpp_standalone/device.py: the tables arrays, dynamic_arrays and dynamic_arrays_2d.
    """
    for table in ("arrays", "dynamic_arrays", "dynamic_arrays_2d"):
        relied_on(isinstance(getattr(device, table, None), dict), f"a program has no table '{table}'")
    for variable, name in device.arrays.items():
        growing = 2 if variable in device.dynamic_arrays_2d else 1 if variable in device.dynamic_arrays else 0
        name = {0: {variable: name}, 1: device.dynamic_arrays, 2: device.dynamic_arrays_2d}[growing][variable]
        yield variable, file_of(device, variable), name, growing


def measured(device):
    """Names of the code objects whose time a program measures, each as a number NAME_profiling_info.

    brian2/devices/cpp_standalone/device.py: profiled_codeobjects; templates/objects.cpp declares the numbers.
    """
    relied_on(isinstance(getattr(device, "profiled_codeobjects", None), list), "a program measures its time otherwise")
    return sorted(device.profiled_codeobjects)


def try_refused_flags_again():
    """Forget which flags the compiler refused: it may have failed for another reason, such as a disk that was full.

    brian2/codegen/cpp_prefs.py, has_flag: a flag is tried once in a process, and left out for good if that fails.
    """
    flags = getattr(cpp_prefs, "_compiler_flag_compatibility", None)
    relied_on(isinstance(flags, dict) and callable(getattr(cpp_prefs, "get_compiler_and_args", None)),
              "it tries flags otherwise")
    cpp_prefs.get_compiler_and_args()
    for flag in [flag for flag, works in flags.items() if not works]:
        del flags[flag]
