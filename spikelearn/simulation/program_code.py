"""C++ of ours in a compiled program: it ends with the process that started it and writes what is read, nothing else."""
import sys

from spikelearn.simulation.brian_internals.device import arrays_of, at_the_end, at_the_start, measured

READ = "SPIKELEARN_READ"        # environment variable with the names of the result files that a program is to write
PARENT = "SPIKELEARN_PARENT"    # environment variable with the number of the process that starts a program
TIMES = "times"                 # result file with the seconds of each part of a program, where they are measured


def add_code(device):
    """What a program does at its start and at its end beside what Brian2 writes."""
    if sys.platform == "linux":
        at_the_start(device, END_WITH_PARENT, headers=["<sys/prctl.h>", "<unistd.h>"])
    if measured(device):        # numbers in Brian2 2.9 and 2.10, durations in 2.11
        at_the_start(device, "", headers=["<chrono>"])
    at_the_end(device, _write_what_is_read(device))


def _write_what_is_read(device):
    """C++ for the end of a program: write only the result files that are named, not all the arrays of a network.

    Brian2 writes some two hundred files, and says nothing when the disk is full. In alphabetical order: Brian2's own
    order is that of a set of strings, another in each process, and the program would not be found again.
    """
    lines = []
    for variable, file, array, dimensions in arrays_of(device):
        if dimensions == 2:
            lines.append(f'for (int n = 0; n < {array}.n && {array}.m > 0; n++) '
                         f'write("{file}", &{array}(n, 0), {array}.m * sizeof({array}(0, 0)));')
        elif dimensions == 1:
            lines.append(f'write("{file}", {array}.data(), {array}.size() * sizeof({array}[0]));')
        else:
            lines.append(f'write("{file}", {array}, {variable.size} * sizeof({array}[0]));')
    if names := measured(device):
        numbers = ", ".join(f"std::chrono::duration<double>({name}_profiling_info).count()" for name in names)
        lines.append(f'const double seconds[] = {{{numbers}}}; write("{TIMES}", seconds, sizeof(seconds));')
    return WRITE.replace("EACH_ARRAY", "\n    ".join(sorted(lines)))


WRITE = f"""
if (const char* wanted = std::getenv("{READ}"))
{{
    using namespace brian;
    const std::string names = std::string(",") + wanted + ",";
    auto write = [&](const std::string& name, const void* data, size_t size)
    {{
        if (names.find("," + name + ",") == std::string::npos)
            return;
        std::ofstream file(results_dir + name, std::ios::binary | std::ios::app);
        file.write(static_cast<const char*>(data), size);
        file.close();
        if (!file)
        {{
            std::cerr << "the disk is full or cannot be written: " << results_dir << std::endl;
            std::_Exit(1);
        }}
    }};
    EACH_ARRAY
    std::_Exit(0);
}}
"""


# the kernel ends a program with the process that started it, which may have ended already
END_WITH_PARENT = f"""
if (const char* parent = std::getenv("{PARENT}"))
{{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != std::atol(parent))
        std::_Exit(1);
}}
"""
