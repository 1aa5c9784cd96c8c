"""The change of u over a step, dudt, in a network of the user's own: what is set between runs is no change in time."""
from brian2 import NeuronGroup, get_dimensions

from spikelearn.equations.records import NeuronModel
from spikelearn.simulation.brian_internals.code import writes_programs
from spikelearn.simulation.brian_internals.objects import declared


def at_last(model: NeuronModel, reads: list[str]):
    """Equations of u as a run has left it, None where rules read no dudt."""
    needed = "dudt" in reads and "dudt" not in model.equations
    return declared({"u_at_last": (get_dimensions(1),)}) if needed else None


def follow_what_is_set(group: NeuronGroup) -> NeuronGroup:
    """Let the potential before the next step change with a potential that is set before a run.

    The jump of a reset in the last step of a run is left to the next run, as in one run.
    """
    if "u_at_last" not in group.variables:
        return group
    prepare, end = group.before_run, group.after_run

    def before_run(run_namespace=None):
        prepare(run_namespace)
        group.u_before = "u_before + (u - u_at_last)"

    def after_run():
        end()
        group.u_at_last = "u"

    group.u_at_last = "u"
    group.__dict__["before_run"] = before_run
    if writes_programs():               # in which nothing is called after a run
        group.run_regularly("u_at_last = u", when="end")
    else:
        group.__dict__["after_run"] = after_run
    return group
