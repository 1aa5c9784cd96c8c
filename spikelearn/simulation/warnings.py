"""Brian2's warnings, answered one by one: the harmless ones by name, the rest as one sentence for the user.

The names are those of Brian2's loggers in versions 2.9 to 2.11. A kind that is not listed here reaches the user.
"""
import contextlib
import logging
import re
import warnings

from spikelearn.equations.parsing import get_identifiers
from spikelearn.errors import SpikelearnWarning
from spikelearn.simulation.brian_internals.objects import is_connection, noted, pathways

HARMLESS = {    # name of the logger -> why the warning can be left out
    "brian2.core.base.unused_brian_object":
        "a network that was refused is cleared away, objects that were never run with it",
    "brian2.groups.neurongroup.no_refractory":
        "check_spikes says so itself, in the words of the model",
    "brian2.groups.neurongroup.only_threshold":
        "check_spikes says so itself, and knows neurons whose every spike is drawn anew",
    "brian2.synapses.synapses.synapses_dt_mismatch":
        "only monitors of a start or end value have a clock of their own, and no delays",
    "brian2.synapses.synapses.cannot_check_synapse_indices":
        "indices of C++ networks come from model sizes, which are checked before the network is made",
    "brian2.monitors.statemonitor.cannot_check_statemonitor_indices":
        "what is recorded in C++ networks is a range over the synapses that were just made",
    "brian2.devices.cpp_standalone.device":
        "a file of a finished run that could not be deleted stays in the cache, which is cleaned by age",
    "brian2.devices.cpp_standalone.device.delete_skips_directory":
        "files that others put into the folder of a build stay there",
}
ORDER = ("brian2.codegen.generators.base", "brian2.codegen.generators.GSL_generator")
GRIDS = "brian2.input.timedarray"
SENTENCES = {   # name -> what it means here; the others are told in the first sentence of Brian2
    **dict.fromkeys(ORDER, "the result depends on the order in which synapses or neurons of the same step are taken"),
    "brian2.groups.group.invalid_values":
        "a variable became very large or not-a-number: the time step is too long or the method does not fit",
}


class _Answer(logging.Handler):
    """Takes what Brian2 logs and passes on what matters. objects : function that returns the network's objects."""

    def __init__(self, objects):
        super().__init__(logging.WARNING)
        self.objects = objects

    def emit(self, record):
        """Drop what is harmless; the rest is a warning of Python's."""
        message = record.getMessage()
        if record.name in HARMLESS or record.name == GRIDS and "TimedArray uses dt of 1. s " in message:
            return          # tables with a row a second are read by row numbers, not by the time
        if record.name in ORDER and _order_does_not_matter(message, self.objects()):
            return
        warnings.warn(sentence(record.name, message), SpikelearnWarning, stacklevel=2)


def _order_does_not_matter(message, objects):
    """Whether every connection that can be meant has at most one synapse for each neuron it changes.

    Brian2 does not look at the connections: it warns of any statement that would depend on the order of synapses
    that share a neuron.
    """
    statement = re.search(r"(?:Abstract code|first line is): '(\w+) (:?)", message)
    connections, groups = ([item for item in objects if is_connection(item) == kind] for kind in (True, False))
    names = {statement[1], re.sub("_(pre|post)$", "", statement[1])} if statement else set()
    if statement and statement[2] and any(names & set(getattr(item, "variables", ())) for item in groups):
        # a subexpression of a population: it is drawn where the population or a statement of a connection names it
        names |= {f"{name}_{side}" for name in names for side in ("pre", "post")}
        meant = [item for item in connections
                 if any(names & get_identifiers(pathway.code) for pathway in pathways(item))]
        return all(_one_synapse_each(item) for item in meant)
    meant = [item for item in connections if any(names & _assigned(pathway.code) for pathway in pathways(item))]
    meant = meant or connections
    return bool(meant) and all(_one_synapse_each(item) for item in meant)


def _one_synapse_each(connection):
    """Whether no neuron that a connection changes has more than one of its synapses."""
    return noted(connection, "one_synapse_each", False) or len(connection.source) == 1


def _assigned(code):
    """Names that some statements assign to."""
    return set(re.findall(r"^\s*(\w+)\s*(?:[-+*/%]|//|\*\*)?=(?!=)", code.replace(";", "\n"), flags=re.M))


def sentence(name, message):
    """A warning of Brian2's as one sentence: what it means, and the statement or the object that it is about."""
    words = " ".join(message.split())
    if name not in SENTENCES:
        first = re.split(r"\. (?=[A-Z])", words)[0]
        return f"Brian2 warns: {first.rstrip('.')}"
    about = re.search(r"(?:Abstract code|first line is): ('.*')|^(.*)'s variable '(\w+)'", words)
    return SENTENCES[name] + (f" ({' '.join(found for found in about.groups() if found)})" if about else "")


@contextlib.contextmanager
def brian_warnings_answered(objects=tuple):
    """While a network is made and run: Brian2's log goes through the tables above, and is put back after.

    objects : function that returns the objects of the network, to tell whether the order of its synapses matters
    """
    logger = logging.getLogger("brian2")
    handlers, level = logger.handlers, logger.level
    try:
        logger.handlers = [_Answer(objects)]
        logger.setLevel(logging.WARNING)            # its finer messages take time
        yield
    finally:
        logger.handlers = handlers
        logger.setLevel(level)


def check_spikes(model):
    """Warn of a NeuronModel that says when it spikes but not what ends the spike.

    Without a reset or a refractory field a neuron spikes in every step above its threshold. That is meant where each
    spike is drawn with a random number of its own.
    """
    code = "\n".join([model.threshold, *model.every_step.values()])
    if "unless refractory" in model.equations and not model.refractory:
        warnings.warn(f"{model.title}: an equation says 'unless refractory', but there is no refractory= field",
                      SpikelearnWarning, stacklevel=3)
    if model.threshold and not (model.reset or model.refractory or re.search(r"\brandn?\(", code)):
        warnings.warn(f"{model.title} has a threshold but neither reset= nor refractory=, so that it spikes in every "
                      "step above the threshold", SpikelearnWarning, stacklevel=3)
