"""Brian2's objects: their names, pathways, delays, order within a time step, and what is noted on them."""
import contextlib
from collections import defaultdict
from pathlib import Path

import brian2
from brian2 import Equations, Synapses, get_device
from brian2.core.tracking import InstanceFollower, InstanceTrackerSet, Trackable
from brian2.core.variables import ArrayVariable
from brian2.equations.equations import FLOAT, PARAMETER, SUBEXPRESSION, Expression, SingleEquation

from spikelearn.simulation.brian_internals import relied_on

NOTES = ("values", "model", "one_synapse_each", "turned", "held", "holds_spikes", "first_values", "sampled")


def note(item, **notes):
    """Hang values on an object of Brian2's: what its initial values are, which model it was made from.

    brian2/groups/group.py, Group.__setattr__: a name that begins with an underscore becomes an ordinary attribute.
    """
    for name, value in notes.items():
        relied_on(name in NOTES, f"there is no note '{name}'")
        setattr(item, f"_{name}", value)
        relied_on(item.__dict__.get(f"_{name}") is value, "its objects take no attributes")


def noted(item, name, default=None):
    """What `note` hung on an object, or the default."""
    relied_on(name in NOTES, f"there is no note '{name}'")
    return getattr(item, f"_{name}", default)


@contextlib.contextmanager
def fresh_names():
    """Brian2 numbers its objects by what is alive; begin anew, so that the same network gives the same sources.

    brian2/core/tracking.py, Trackable.__instancefollower__ (InstanceFollower.instance_sets); brian2/core/base.py,
    BrianObject.__del__ warns of an object whose _network is None.
    """
    before = Trackable.__instancefollower__
    relied_on(isinstance(before, InstanceFollower) and hasattr(before, "instance_sets"), "it follows objects otherwise")
    Trackable.__instancefollower__ = InstanceFollower()
    Trackable.__instancefollower__.instance_sets = defaultdict(InstanceTrackerSet)
    try:
        yield
    except BaseException:
        for references in Trackable.__instancefollower__.instance_sets.values():
            for item in [reference() for reference in references]:
                give_up(item)
        raise
    finally:
        Trackable.__instancefollower__ = before


def give_up(item):
    """Say that an object is not used: else Brian2 warns when it is deleted (brian2/core/base.py, __del__)."""
    if getattr(item, "_network", "") is None:
        item._network = "given up"


def is_array(variable):
    """Whether a variable is stored, not computed: brian2/core/variables.py, ArrayVariable."""
    return isinstance(variable, ArrayVariable)


# --- equations ---------------------------------------------------------------------------------------------------

def declared(variables):
    """Equations that declare variables: name -> (dimensions, flag, flag, ...).

    brian2/equations/equations.py, SingleEquation(PARAMETER, name, dimensions, FLOAT, flags=...).
    """
    made = Equations([SingleEquation(PARAMETER, name, dimensions, FLOAT, flags=flags)
                      for name, (dimensions, *flags) in variables.items()])
    relied_on(all(made[name].type == PARAMETER and made[name].dim is dimensions
                  for name, (dimensions, *_) in variables.items()), "it declares variables otherwise")
    return made


def computed(name, dimensions, expression):
    """Equations with one computed variable: brian2/equations/equations.py, SingleEquation(SUBEXPRESSION, ...)."""
    made = Equations([SingleEquation(SUBEXPRESSION, name, dimensions, FLOAT, Expression(expression))])
    relied_on(made[name].type == SUBEXPRESSION, "it declares computed variables otherwise")
    return made


# --- connections -------------------------------------------------------------------------------------------------

def is_connection(item):
    """Whether an object is a connection."""
    return isinstance(item, Synapses)


def pathways(item):
    """Every pathway of a connection; none of other objects. brian2/synapses/synapses.py, Synapses._pathways."""
    if not is_connection(item):
        return []
    relied_on(isinstance(getattr(item, "_pathways", None), list), "a connection lists no pathways")
    return list(item._pathways)


def delays(pathway):
    """The variable with the delays of a pathway: brian2/synapses/synapses.py, SynapticPathway._delays."""
    variable = getattr(pathway, "_delays", None)
    relied_on(variable is not None and variable is pathway.variables["delay"], "a pathway has its delays elsewhere")
    return variable


def own_time(connection, variable):
    """Let a connection see another time than its clock's: variable, such as "now_post", is the time of each synapse.

    brian2/core/variables.py, Variables._variables and Variables.indices: what a name means in a group's code.
    """
    for variables in (connection.variables, *(pathway.variables for pathway in pathways(connection))):
        relied_on("t" in variables._variables, "a group knows its time otherwise")
        variables._variables["t"] = connection.variables[variable]
        variables.indices["t"] = connection.variables.indices[variable]
        relied_on(variables["t"] is connection.variables[variable], "a group looks its time up otherwise")


# --- order within a time step ------------------------------------------------------------------------------------

def order_event(group, event, threshold, statement=None, slot="start"):
    """When within a time step an event is tested for, and when its statement is run.

    brian2/groups/neurongroup.py, NeuronGroup.thresholder and .resetter: one CodeRunner an event.
    """
    relied_on(event in group.thresholder, f"the event '{event}' has no code of its own")
    group.thresholder[event].when, group.thresholder[event].order = slot, threshold
    if statement is not None and event in group.resetter:
        group.resetter[event].when, group.resetter[event].order = slot, statement


def threshold_slot(group, slot):
    """Test for all events of a population in a slot: brian2/groups/neurongroup.py, NeuronGroup.thresholder."""
    relied_on(bool(group.thresholder), "a population tests for no event")
    for thresholder in group.thresholder.values():
        thresholder.when = slot


def order_pathway(connection, pathway, order, slot=None):
    """When within a time step a pathway acts: brian2/synapses/synapses.py, SynapticPathway.order and .when."""
    found = next((it for it in pathways(connection) if it.objname == pathway), None)
    relied_on(found is not None, f"a connection has no pathway '{pathway}'")
    found.order = order
    if slot is not None:
        found.when = slot


def order_state_updater(connection, order, slot):
    """When the equations of a connection are integrated: brian2/synapses/synapses.py, Synapses.state_updater."""
    relied_on(hasattr(connection, "state_updater"), "a connection integrates its equations otherwise")
    if connection.state_updater is not None:
        connection.state_updater.when, connection.state_updater.order = slot, order


def order_summed(connection, variable, order):
    """When a summed variable is summed: brian2/synapses/synapses.py, Synapses.summed_updaters."""
    relied_on(variable in connection.summed_updaters, f"'{variable}' is summed otherwise")
    connection.summed_updaters[variable].order = order


def has_equations_of_its_own(connection):
    """Whether something happens to a connection between spikes.

    brian2/synapses/synapses.py, Synapses.state_updater and .subexpression_updater, None where there is nothing to do.
    """
    return connection.state_updater is not None or connection.subexpression_updater is not None


def cython_declares_i() -> bool:
    """Whether synapses would run by a Cython program that has a variable i of its own, beside the pre neuron's number.

    brian2/codegen/runtime/cython_rt/templates/synapses.pyx, 2.10 and 2.11: the program is refused, and the network runs
    without it.
    """
    if get_device().code_object_class(fallback_pref="codegen.target").class_name != "cython":
        return False
    template = Path(brian2.__file__).parent / "codegen/runtime/cython_rt/templates/synapses.pyx"
    return "cdef size_t i = 0" in template.read_text(encoding="utf-8")
