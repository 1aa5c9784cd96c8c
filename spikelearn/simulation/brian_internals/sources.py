"""The sources of a compiled program: the parts that differ from process to process, its makefile, its namespaces."""
import re

from spikelearn.simulation.brian_internals import relied_on

# brian2/devices/cpp_standalone/device.py, generate_main_source: lines that start the clocks, in the order of a set,
# which is another in each process
CLOCKS = re.compile(rb"(?:^ *_array_\w+_(?:timestep|t)\[0\] = 0(?:\.0)?;\n)+", flags=re.MULTILINE)


def without_order(content):
    """The bytes of a source file with the lines sorted in which Brian2 starts the clocks (see CLOCKS)."""
    return CLOCKS.sub(lambda found: b"".join(sorted(found[0].splitlines())), content)


# brian2/devices/cpp_standalone/templates/network.cpp, Network::run: the last lines of the loop over time steps
TIME_TAKEN = re.compile(r"\n *current = std::clock\(\);\n *elapsed_realtime = [^;]*;(?=\s*\}\s*Network::_globally_)")


def take_time_once(folder):
    """Let a program ask for the processor's time after its last step, not after each: that is a system call.

    brian2/devices/cpp_standalone/templates/network.cpp; Brian2 2.10 and 2.11 ask only where progress is reported.
    """
    source = (folder / "network.cpp").read_text()
    moved, found = TIME_TAKEN.subn("", source)
    last = "_last_run_time = elapsed_realtime;"
    asks_rarely = "should_check_time" in source or "if (elapsed > next_report_time)" in source
    relied_on(found == 1 and moved.count(last) == 1 or asks_rarely, "a program takes time elsewhere")
    if found:
        (folder / "network.cpp").write_text(moved.replace(
            last, f"elapsed_realtime = (double)(std::clock() - start) / CLOCKS_PER_SEC;\n    {last}"))


def check_program(folder):
    """Refuse a program that would not take its seed or its values, or whose clocks start otherwise.

    brian2/devices/cpp_standalone/templates/objects.cpp, main.cpp and common_group.cpp; codeobject.py, _rand: every
    random number comes from _random_generators.
    """
    objects, main = ((folder / name).read_text() for name in ("objects.cpp", "main.cpp"))
    relied_on("std::vector< RandomGenerator > _random_generators;" in objects, "its random generator is another one")
    relied_on("_random_generators[0].seed(" in main, "a program does not take its seed")
    relied_on(main.count("set_from_command_line(args);") == 2, "a program does not take its values twice")
    relied_on(bool(CLOCKS.search((folder / "main.cpp").read_bytes())), "a program starts its clocks otherwise")
    for path in folder.glob("code_objects/*.cpp"):
        source = path.read_text()
        drawn = "_rand(" in source or "_randn(" in source
        relied_on(not drawn or "_random_generators[" in source, "its random numbers come from elsewhere")


ONCE = "\n\nmain.o objects.o run.o synapses_classes.o: OPTIMISATIONS += "      # what runs once; the rest runs often


def optimise(folder, short):
    """Let a program be compiled for a short run: with -O2 instead of -O3, in two thirds of the time, and what runs once
    not optimised at all; for a long one with -O3, and what runs once with -O2. Other flags of the user's stay.

    Not with -O1: gcc then calls exp without leaving the wide registers first, which made it twenty times as slow.

    brian2/codegen/cpp_prefs.py, extra_compile_args_gcc: flags stand in the line OPTIMISATIONS of the makefile.
    """
    makefile = (folder / "makefile").read_text()
    relied_on("\nOPTIMISATIONS = " in makefile, "its makefile names the flags otherwise")
    if short:
        makefile = re.sub(r"^(OPTIMISATIONS = .*)-O3\b", r"\1-O2 -ftree-vectorize", makefile, flags=re.M)
    (folder / "makefile").write_text(f"{makefile}{ONCE}{'-O0' if short else '-O2'}\n")


def sources_of(folder):
    """(text of the makefile of a program of Brian2, source files that it names).

    brian2/devices/cpp_standalone/templates/makefile: the line SRCS.
    """
    makefile = (folder / "makefile").read_text()
    found = re.search(r"^SRCS = (.*)$", makefile, flags=re.M)
    relied_on(found is not None and "main.cpp" in found[1], "its makefile names the sources otherwise")
    return makefile, found[1].split()


def in_own_namespace(path):
    """A source file of a code object whose helper functions do not meet those of the others in the same unit.

    brian2/devices/cpp_standalone/templates/common_group.cpp: helpers stand in an unnamed namespace.
    """
    name, source = f"of_{path.stem}", path.read_text()
    relied_on("using namespace brian;" in source, "a code object has its helpers elsewhere")
    source = source.replace("namespace {", f"namespace {name} {{", 1)
    return source.replace("using namespace brian;", f"using namespace brian; using namespace {name};")
