"""Each touch of Brian2's private parts, on whatever version is installed; and that there are no others."""
import ast
import re
from pathlib import Path

import brian2
import numpy as np
import pytest
from brian2 import Equations, Hz, Network, NeuronGroup, SpikeMonitor, StateMonitor, Synapses, TimedArray, ms, second
from brian2.stateupdaters.base import StateUpdateMethod

from spikelearn import SpikelearnError
from spikelearn.equations.content import base_powers
from spikelearn.simulation.brian_internals import code, device, integration, objects, relied_on, sources
from spikelearn.simulation.presentations import STOP_WHEN
from spikelearn.simulation.programs import compiler
from spikelearn.simulation.simulate import Simulation

ROOT = Path(__file__).parent.parent
compiles = pytest.mark.skipif(compiler() is None, reason="there is no C++ compiler")


@pytest.fixture(autouse=True)
def in_numpy(monkeypatch):
    """What Brian2 runs by itself here, it runs in NumPy."""
    monkeypatch.setitem(brian2.prefs, "codegen.target", "numpy")


def cells(n=3, **more):
    return NeuronGroup(n, "v : 1\ntotal : 1", name="cells", namespace={}, **more)


def connection(**more):
    group = cells(threshold="v > 1", reset="v = 0", events={"late": "v < -1"})
    made = Synapses(group, group, "w : 1", on_pre="v_post += w", on_post={"post": "w += 1"}, name="links", **more)
    made.connect()
    return group, made


# --- objects -----------------------------------------------------------------------------------------------------

def test_what_differs_is_refused_in_one_sentence():
    with pytest.raises(SpikelearnError, match=f"Brian2 {re.escape(brian2.__version__)} differs from .*: the clock"):
        relied_on(False, "the clock")
    relied_on(True, "the clock")


@pytest.mark.parametrize("item", [lambda: cells(), lambda: connection()[1],
                                  lambda: TimedArray([1.0], dt=1 * ms, name="table")])
def test_notes_hang_on_every_kind_of_object(item):
    item = item()
    assert objects.noted(item, "values", "nothing") == "nothing"
    objects.note(item, values={"v": 1})
    assert objects.noted(item, "values") == {"v": 1}


def test_names_begin_anew_and_go_on_after():
    outside = NeuronGroup(1, "v : 1", namespace={})
    with objects.fresh_names():
        first = NeuronGroup(1, "v : 1", namespace={}).name
    with objects.fresh_names():
        assert NeuronGroup(1, "v : 1", namespace={}).name == first == "neurongroup"
    assert NeuronGroup(1, "v : 1", namespace={}).name not in (outside.name, "neurongroup")


def test_objects_of_a_refused_network_go_silently():
    kept = []
    with pytest.raises(KeyError), objects.fresh_names():
        kept.append(cells())
        raise KeyError
    assert kept[0]._network is not None             # Brian2 warns of those that have none


def test_variables_are_declared_and_computed():
    made = objects.declared({"x": (second.dim, "constant"), "y": (ms.dim,)})
    made += objects.computed("z", (1 / second).dim, "1/x")
    assert {name: (str(it.type), it.dim, list(it.flags)) for name, it in made.items()} == {
        "x": ("parameter", second.dim, ["constant"]), "y": ("parameter", second.dim, []),
        "z": ("subexpression", (1 / second).dim, [])}
    assert isinstance(made, Equations)


def test_pathways_and_their_delays():
    group, made = connection()
    assert [pathway.prepost for pathway in objects.pathways(made)] == ["pre", "post"]
    assert objects.pathways(group) == [] and objects.is_connection(made) and not objects.is_connection(group)
    made.pre.delay = 2 * ms
    assert np.all(objects.delays(made.pre).get_value() == 0.002)
    half = Synapses(group, group, "w : 1\nhalf = w/2 : 1", name="halves")
    assert objects.is_array(half.variables["w"]) and not objects.is_array(half.variables["half"])
    assert not objects.has_equations_of_its_own(made)


def test_a_connection_sees_the_time_of_its_neurons():
    group = NeuronGroup(2, "now : second\nseen : second", threshold="True", name="cells", namespace={})
    made = Synapses(group, group, "w : second", on_pre="w = t", name="links")
    made.connect(j="i")
    objects.own_time(made, "now_post")
    group.now = [3, 5] * second
    Network(group, made).run(0.2 * ms, namespace={})
    assert list(np.asarray(made.w)) == [3, 5]


@pytest.mark.parametrize("late, seen", [(5, 1), (-5, 0)])
def test_the_order_of_an_event_is_that_of_its_code(late, seen):
    """The event notes v, which another statement of the slot sets to 1: before or after."""
    group = NeuronGroup(1, "v : 1\nseen : 1", events={"look": "seen < 0"}, name="cells", namespace={})
    group.run_on_event("look", "seen = v")
    group.run_regularly("v = 1", when="start")
    objects.order_event(group, "look", late, late + 1)
    group.seen = -1
    Network(group).run(0.1 * ms, namespace={})
    assert group.seen[0] == seen


def test_thresholds_pathways_and_sums_have_their_order():
    group, made = connection()
    objects.threshold_slot(group, "start")
    assert {it.when for it in group.thresholder.values()} == {"start"} and len(group.thresholder) == 2
    objects.order_pathway(made, "post", 4, "start")
    assert (made.post.when, made.post.order) == ("start", 4)
    with pytest.raises(SpikelearnError, match="no pathway 'pre_late'"):
        objects.order_pathway(made, "pre_late", 1)
    objects.order_state_updater(made, 2, "after_groups")        # nothing to do: it has no equations
    other = Synapses(group, group, "dx/dt = -x/ms : 1\ntotal_post = x : 1 (summed)", name="sums")
    objects.order_state_updater(other, 2, "after_groups")
    objects.order_summed(other, "total_post", -2)
    assert (other.state_updater.when, other.state_updater.order) == ("after_groups", 2)
    assert other.summed_updaters["total_post"].order == -2 and objects.has_equations_of_its_own(other)


def test_powers_of_the_base_units():
    assert [base_powers(unit.dim) for unit in (brian2.volt, brian2.amp)] == [[2, 1, -3, -1, 0, 0, 0],
                                                                             [0, 0, 0, 1, 0, 0, 0]]


# --- devices and random numbers ----------------------------------------------------------------------------------

def noisy():
    group = NeuronGroup(40, "v : 1", threshold="rand() < 0.3", name="cells", namespace={})
    group.run_regularly("v = randn()")
    return [group, SpikeMonitor(group, name="spikes"), StateMonitor(group, "v", record=True, name="states")]


@pytest.mark.parametrize("target", ["numpy", pytest.param("cpp", marks=[pytest.mark.compiler, compiles])])
def test_two_seeds_differ_and_one_repeats(target):
    simulation = Simulation(noisy, 20 * ms, device=target)
    first, again, other = (simulation.run(seed=seed, read=["spikes.i", "states.v"]) for seed in (1, 1, 2))
    for name in first:
        assert np.array_equal(first[name], again[name])
        assert not np.array_equal(first[name], other[name])
    assert abs(np.asarray(first["states.v"]).mean()) < 4 / np.sqrt(800)     # normal numbers, mean 0


def test_globals_are_put_back():
    clock = device.here().defaultclock
    before = (clock.dt, brian2.prefs.codegen.target, brian2.prefs.core.default_float_dtype, brian2.get_device())
    program = device.new_program()
    with device.globals_set(program, 3 * ms, np.float32, "numpy"):
        assert brian2.get_device() is program and brian2.defaultclock.dt == 3 * ms
    assert before == (clock.dt, brian2.prefs.codegen.target, brian2.prefs.core.default_float_dtype,
                      brian2.get_device())


@pytest.fixture
def draft(tmp_path, monkeypatch):
    """(folder, device) of a small program, written but not compiled."""
    monkeypatch.setenv("SPIKELEARN_CACHE", str(tmp_path))
    monkeypatch.setattr("spikelearn.simulation.programs.make_program", lambda folder: (folder / "main").touch())
    monkeypatch.setattr("spikelearn.simulation.devices.compiler", lambda: "c++")
    monkeypatch.setattr("spikelearn.simulation.programs.compiler", lambda: "true")
    simulation = Simulation(noisy, 10 * ms, device="cpp")
    return simulation.folder, simulation._brian_device


def test_a_program_takes_its_seed_after_its_parameters_and_before_the_expressions(draft):
    main = (draft[0] / "main.cpp").read_text()
    first, seed = main.index("set_from_command_line(args);"), main.index("_random_generators[0].seed(")
    assert first < seed < main.rindex("set_from_command_line(args);")
    sources.check_program(draft[0])


@pytest.mark.parametrize("file, old, sentence", [
    ("objects.cpp", "std::vector< RandomGenerator > _random_generators;", "its random generator is another one"),
    ("main.cpp", "_random_generators[0].seed(", "a program does not take its seed"),
    ("main.cpp", "set_from_command_line(args);", "a program does not take its values twice"),
])
def test_a_program_of_another_brian_is_refused(draft, file, old, sentence):
    path = draft[0] / file
    path.write_text(path.read_text().replace(old, "", 1))
    with pytest.raises(SpikelearnError, match=sentence):
        sources.check_program(draft[0])


def test_random_numbers_from_elsewhere_are_refused(draft):
    path = next(path for path in draft[0].glob("code_objects/*.cpp") if "_random_generators[" in path.read_text())
    path.write_text(path.read_text().replace("brian::_random_generators[0]", "another_generator"))
    with pytest.raises(SpikelearnError, match="its random numbers come from elsewhere"):
        sources.check_program(draft[0])


def test_the_arrays_of_a_program_have_names_files_and_growth(draft):
    folder, made = draft
    found = {file.rsplit("_", 1)[0]: (name, growing) for _, file, name, growing in device.arrays_of(made)}
    assert found["_array_cells_v"] == ("_array_cells_v", 0)
    assert found["_dynamic_array_spikes_t"] == ("_dynamic_array_spikes_t", 1)
    assert found["_dynamic_array_states_v"] == ("_dynamic_array_states_v", 2)
    written = (folder / "objects.cpp").read_text()
    assert all(name in written for name, _ in found.values())


@compiles
def test_a_program_is_written_twice_alike():
    """Setting Brian2's globals once more adds nothing to it."""
    made = device.new_program()
    with device.globals_set(made, 1 * ms, np.float64, "numpy"):
        Network(cells()).run(3 * ms, namespace={})
        calls = device.calls_of(made)
    with device.globals_set(made, 1 * ms, np.float64, "numpy", calls):
        assert made.main_queue == calls and calls
    with device.globals_set(made, 1 * ms, np.float64, "numpy"):
        assert len(made.main_queue) > len(calls)


@compiles
@pytest.mark.parametrize("profile", [False, True])
def test_the_parts_whose_time_is_measured_have_names(profile):
    made = device.new_program()
    with device.globals_set(made, 1 * ms, np.float64, "numpy"), objects.fresh_names():
        Network(NeuronGroup(1, "dv/dt = -v / (10*ms) : 1", name="leak", method="exact")).run(
            1 * ms, namespace={}, profile=profile)
    assert device.measured(made) == ["leak_stateupdater_codeobject"] * profile


def test_the_makefile_names_the_sources_and_each_has_helpers_in_a_namespace(draft):
    makefile, listed = sources.sources_of(draft[0])
    assert {"main.cpp", "objects.cpp"} < set(listed) and all((draft[0] / name).is_file() for name in listed)
    path = next(draft[0] / name for name in listed if name.startswith("code_objects/"))
    changed = sources.in_own_namespace(path)
    assert f"namespace of_{path.stem} {{" in changed and f"using namespace of_{path.stem};" in changed


def test_clocks_are_started_in_an_order_of_ours(draft):
    main = (draft[0] / "main.cpp").read_bytes()
    found = sources.CLOCKS.search(main)[0].splitlines()
    turned = main.replace(b"\n".join(found), b"\n".join(found[::-1]))      # from Brian2 2.10 on a clock has one line
    assert found and (turned != main or len(found) == 1)
    assert sources.without_order(turned) == sources.without_order(main)


def test_the_time_is_taken_after_the_last_step_alone(draft):
    source = (draft[0] / "network.cpp").read_text()
    assert not sources.TIME_TAKEN.search(source) and source.count("_last_run_time = elapsed_realtime;") == 1
    (draft[0] / "network.cpp").write_text("a program of another kind")
    with pytest.raises(SpikelearnError, match="a program takes time elsewhere"):
        sources.take_time_once(draft[0])


# --- generated code ----------------------------------------------------------------------------------------------

def test_connections_and_thresholds_take_our_code_on_a_device_that_writes_programs():
    assert not code.writes_programs()
    with objects.fresh_names(), device.globals_set(device.new_program(), 1 * ms, np.float64, "numpy"):
        assert code.writes_programs()
        group, made = connection()
        group.run_regularly("total += 1")
        code.loop_over_rows(made), code.loop_over_thresholds(group)
        assert {pathway.codeobj_class for pathway in objects.pathways(made)} == {code.DenseCodeObject}
        assert {it.codeobj_class for it in group.thresholder.values()} == {code.ThresholdCodeObject}
        code.loop_over_neurons(group)
        assert [it.codeobj_class for it in group.contained_objects if it.template == "stateupdate"] == [
            code.ThresholdCodeObject] * 2
        code.flush_to_zero()
        assert code.FLUSH_TO_ZERO in brian2.get_device().code_lines["before_start"]
        told = code.events_of(made.post)
        assert (told["side"], told["n_pre"], told["n_post"], told["whole"]) == ("post", 3, 3, True)
        assert "w" in code.own_arrays(made) and "v_post" not in code.own_arrays(made)
        assert code.vector(made, "w")["type"] == "double"


def test_the_generator_leaves_counted_indices_out():
    assert code.DenseGenerator.translate_to_read_arrays is not code.CPPCodeGenerator.translate_to_read_arrays
    generator = code.DenseGenerator.__new__(code.DenseGenerator)
    generator.variables, generator.variable_indices = {}, {}
    assert generator.translate_to_read_arrays(set(), set(), list(code.COUNTED)) == []


@pytest.mark.parametrize("target", ["numpy", pytest.param("cpp", marks=[pytest.mark.compiler, compiles])])
def test_a_run_ends_itself(target):
    def build():
        group = NeuronGroup(1, "steps : 1\nstopped : 1", name="cells", namespace=dict(stop_when=STOP_WHEN))
        group.run_regularly("steps += 1; stopped = stop_when(steps >= 7)", when="end")
        return [group]
    assert Simulation(build, 1 * second, device=target).run(read=["cells.steps"])["cells.steps"] == 7


# --- nowhere else ------------------------------------------------------------------------------------------------

HERE = "spikelearn/simulation/brian_internals/"
PARSER = "spikelearn/equations/parsing.py"
UNDERSCORED = {"_replace", "_asdict", "_fields", "_make"}       # of named tuples, public
SUBMODULES = ("brian2.units",)                                  # a public package
NAMES = ("Trackable", "instance_sets", "device_module", "apply_run_args", "insert_code", "_random_generators",
         "set_from_command_line", "dynamic_arrays", "codeobj_class", "templater", "_globally_stopped", "thresholder",
         "resetter", "summed_updaters", "state_updater", "SRCS", "CPPStandaloneDevice", "CPPCodeGenerator")


SCRIPTS = "spikelearn/command/export.py"


def files():
    rooms = ("spikelearn", "protocols", "models", "benchmarks")
    found = [path for room in rooms for path in (ROOT / room).rglob("*.py")]
    return {path.relative_to(ROOT).as_posix(): path for path in found}


def private(tree):
    """Attributes of others than self that begin with an underscore, and modules of Brian2's inside."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and re.match(r"_[a-z]", node.attr) and node.attr not in UNDERSCORED:
            if not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls", "os")):
                yield f".{node.attr}"
        modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [
            name.name for name in node.names] if isinstance(node, ast.Import) else []
        yield from (module for module in modules
                    if module.startswith("brian2.") and not module.startswith(SUBMODULES))


@pytest.mark.parametrize("name", [name for name in files() if not name.startswith(HERE)])
def test_private_parts_are_touched_nowhere_else(name):
    text = files()[name].read_text(encoding="utf-8")
    found = list(private(ast.parse(text)))
    assert not found or name == PARSER and not [it for it in found if it.startswith(".")], found
    written = {"state_updater"} if name == SCRIPTS else set()       # in the text of an exported script
    assert not [it for it in NAMES if it not in written and re.search(rf"\b{it}\b", text)]


def test_each_touch_names_its_source():
    for path in (ROOT / HERE).glob("[a-z]*.py"):
        text = path.read_text(encoding="utf-8")
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                source = ast.get_source_segment(text, node)
                assert "brian2/" in source or "Brian2" in source or node.name in ("is_connection", "noted"), node.name


# --- exact integration -------------------------------------------------------------------------------------------

UNCOUPLED = """
    dx/dt = -x/(10*ms) : 1
    dy/dt = (2 - y)/tau + k*Hz : 1
    tau : second (constant)
    k : 1 (constant)
"""
COUPLED = "dx/dt = (y - x)/(10*ms) : 1\ndy/dt = -y/(3*ms) : 1"
NO_REST = "dx/dt = 5*Hz : 1\ndy/dt = -y/(3*ms) : 1"


@pytest.mark.parametrize("equations, by_brian2", [(UNCOUPLED, False), (COUPLED, True)], ids=["uncoupled", "coupled"])
def test_exact_integration_without_matrices(equations, by_brian2, monkeypatch):
    """After a step as long as a time constant, against the solutions on paper."""
    asked, exact, x, y = [], type(integration.exact).__call__, np.array([1, -2]), np.array([3, .5])
    monkeypatch.setattr(type(integration.exact), "__call__", lambda *args: asked.append(args) or exact(*args))
    group = NeuronGroup(2, equations, method="exact", name="cells", dt=7 * ms, namespace={"Hz": Hz, "ms": ms})
    group.x, group.y = x, y
    if not by_brian2:
        group.tau, group.k = [5, 20] * ms, [0, 30]
    with integration.exact_without_matrices():
        Network(group).run(7 * ms)
    decay = np.exp(-.7)
    if by_brian2:
        faster = np.exp(-7 / 3)
        expected = x * decay + y * (decay - faster) * 3 / 7, y * faster
    else:
        rest = np.array([2, 2 + 30 * .02])
        expected = x * decay, rest + (y - rest) * np.exp(-7 / np.array([5, 20]))
    np.testing.assert_allclose([group.x[:], group.y[:]], expected, rtol=1e-13)
    assert bool(asked) == by_brian2
    assert StateUpdateMethod.stateupdaters["exact"] is integration.exact


def test_what_cannot_be_integrated_exactly_is_refused_as_by_brian2():
    squared, noise, driven = "-x**2/ms", "-x/ms + xi*ms**-.5", "sin(t/ms)/ms - x/ms"
    for equations in (NO_REST, *(f"dx/dt = {slope} : 1" for slope in (squared, noise, driven))):
        group = NeuronGroup(1, equations, method="exact", namespace={"ms": ms, "Hz": Hz})
        with integration.exact_without_matrices(), pytest.raises(Exception) as found:
            Network(group).run(1 * ms)
        assert "UnsupportedEquationsException" in repr(found.value.__cause__ or found.value) + repr(found.getrepr())


def test_event_driven_traces_use_it_too():
    _, made = connection()
    traced = Synapses(made.source, made.source, "w : 1\ndx/dt = -x/(10*ms) : 1 (event-driven)", on_pre="x += 1",
                      namespace={"ms": ms}, name="traced")
    traced.connect()
    found = []
    with integration.exact_without_matrices(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(integration.Exact, "__call__", lambda self, *args: found.append(args) or "")
        Network(made.source, traced).run(0 * ms)
    assert found
