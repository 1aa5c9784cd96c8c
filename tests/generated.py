"""Command lines made at random: every protocol, one to three values each, sensible ones, bounds and nonsense.

Values of keywords that decide how much is computed are small, zero, negative or absurdly large, so that each run is
short or is refused.
"""
import contextlib
import io
import json
import math
import random

import numpy as np

from spikelearn.command import command_line as cli
from spikelearn.command import run as running
from spikelearn.ranges.check import Words, range_of

SMALL = {           # settings that make a quick run short; what is drawn replaces them
    "adversarial": dict(rounds=10, seeds=1, measurements=2, batch=20, hidden=8),
    "btsp_window": dict(widest="2*second", spacing="1*second"),
    "calcium_window": dict(pairs=2, spacing="50*ms", frequency_pairs=3),
    "contrastive_faults": dict(networks=10, steps=200),
    "dendritic_prediction": dict(presentations=60, repetitions=6, trials=1),
    "distal_reward": dict(delays="0*second, 1*second", with_network="false"),
    "early_inference": dict(networks=2, trials=3, depths="1, 2", rates="0.1, 0.2", temperatures="1e-4"),
    "equilibrium_gradient": dict(networks=1, chains=50, chain_steps=60, sizes="4, 5, 3"),
    "feedforward_energy": dict(images=3, steps=200, depths="1, 2", units=8),
    "feedforward_start": dict(images=200, epochs=1, shown=10, learn_images=100),
    "generate_fashion": dict(hidden="20, 10", epochs=1, runs=1, samples=200, images=300, shown=200),
    "generate_mnist": dict(hidden="20, 10", epochs=1, runs=1, samples=200, images=300, shown=200, centres=10,
                           dataset="digits"),
    "generate_levers": dict(levers="factor, rounds", hidden="20, 10", epochs=1, samples=200, images=300, shown=200,
                            dataset="digits"),
    "inpaint": dict(hidden="20, 10", epochs=1, images=300, shown=50, rounds=2, dataset="digits"),
    "inhibitory_balance": dict(cells=100, duration="3*second", dt="0.5*ms"),
    "langevin": dict(temperatures="0.2", repetitions=10, duration="60*ms", warm_up="20*ms"),
    "langevin_ep_spikes": dict(repeats=6, repeats_of_levers=6, free=30, nudged=10),
    "learn_digits": dict(hidden=5, epochs=1, seeds=1, images=40, free_steps=20, nudged_steps=8, listen_steps=10,
                         window_steps=0, batch=1),
    "learn_mnist": dict(hidden=5, epochs=1, images=20, validation=20, free_steps=20, nudged_steps=8, listen_steps=10,
                        chunk=20, dataset="digits", pixel="neurons/pixel_fire", precision="double"),
    "learn_mnist_diehl_cook": dict(excitatory=4, images=4, validation=2, shown="20*ms", rest="5*ms", chunk=4, norm=30,
                                   dataset="digits"),
    "learn_mnist_unsupervised": dict(excitatory=4, images=4, validation=2, shown="20*ms", chunk=4, norm=30,
                                     dataset="digits"),
    "learn_mnist_rates": dict(networks="500", epochs=1, images=100, validation=100, sweeps=2, nudged=2,
                              dataset="digits"),
    "learn_regression_spikes": dict(hidden=5, epochs=1, seeds=1, examples=4, tests=3, grid=2, free_steps=20,
                                    nudged_steps=8, window_steps=8, listen_steps=10, digit_epochs=0),
    "learn_vpf_spikes": dict(epochs=1, seeds=1, images=40, validation=40, completed=4, samples=4, apart=5, averaged=2,
                             hidden=4, shown=4, settling=1, minibatch="false"),
    "likelihood_ascent": dict(hidden="20, 10", epochs=1, images=300, shown=50, steps=3, dataset="digits"),
    "reward": dict(trials=3, choice_rounds=2, hidden=3, free=100, nudged=30),
    "short_term": dict(spikes=3, rates="5*Hz, 20*Hz"),
    "spike_noise": dict(windows="10*ms, 100*ms", hidden="20, 10", epochs=1, images=300, samples=100, shown=50,
                        dataset="digits"),
    "stdp_bistate": dict(trials=5, repetitions=5, duration="100*ms", delta_t="-10*ms, 10*ms"),
    "stdp_bursts": dict(synapse="stdp_pair"),
    "stdp_clamp": dict(levels=3, duration="100*ms"),
    "stdp_controls": dict(n=2, longest=10),
    "stdp_natural": dict(trials=100),
    "stdp_poisson": dict(repetitions=3, duration="300*ms"),
    "stdp_ramp": dict(repetitions=3, duration="300*ms"),
    "stdp_scoreboard": dict(data="bi_poo_window", synapse="stdp_rubin"),
    "stdp_window": dict(pairs=2, spacing="20*ms"),
    "theory_report": dict(protocols="feedforward_energy"),
    "vpf_features": dict(sizes="10", epochs=1, images=200, rounds=1, dataset="digits"),
    "vpf_generate": dict(hidden="10, 10", epochs=1, runs=1, images=200, samples=100, shown=100, rounds=1, top_steps=2,
                         dataset="digits"),
    "vpf_reconstruct": dict(hidden=10, epochs=1, runs=1, images=200, shown=50, steps=3, rounds=1, dataset="digits",
                            methods="vpf, cd1"),
    "vpf_stdp": dict(trials=5, delta_t="-10*ms, 10*ms"),
    "walkback": dict(rounds=1, dreamers=5, dream=5, digit_rounds=1, digit_dream=3, samples=50),
    "weight_symmetry": dict(epochs=2, alignment_epochs=1, hidden=8, alignment_hidden=8),
}
# a quick run takes more than a few seconds: these are drawn one time in six
LONG = ("dendritic_prediction", "langevin_ep_spikes", "learn_digits", "learn_regression_spikes", "learn_vpf_spikes",
        "reward", "stdp_battery", "stdp_bursts", "theory_report", "walkback", "inhibitory_balance", "distal_reward",
        "calcium_window", "stdp_fit", "stdp_scoreboard")
NEEDS_IMAGES = ("feedforward_start", "generate_fashion")     # that come with no package
NONSENSE = ("nan", "inf", "word", "''", "1e400", "true", "1, 2, 3", "5*lemon", "None", "1*amp", "-1", "0", "1e30",
            "-1e30", "0.5", "1e30*second", "-1*ms", "1e-30*ms", "0*Hz", "1e30*Hz", "1e9", "2147483648")
UNITS = {"second": "second", "Hz": "Hz", "volt": "volt", "1": ""}
WORK = 3            # a count is drawn up to so much above its lower bound, or up to its small value


def written(value, unit):
    """A number with its unit as on the command line."""
    return f"{value!r}*{UNITS[unit]}" if UNITS.get(unit) else repr(value)


def values(known, small, rng):
    """A value for a keyword with the Range `known`, as text."""
    if rng.random() < 0.12 or known is None and rng.random() < 0.3:
        return rng.choice(NONSENSE)
    if known is None:
        return small
    if isinstance(known, Words):
        return rng.choice([*known.choices, "another"])
    if known.switch:
        return rng.choice(["true", "false", "2"])
    if known.whole:
        return str(rng.choice(
            [known.low - 1, 10**9] if rng.random() < 0.1 else [known.low, known.low + 1, known.low + WORK]))
    if known.unit == "second" and small is not None:
        return rng.choice([small] * 6 + ["0*ms", "-1*ms", "1e30*second", "1"])
    low, high = max(known.low, -1e3), min(known.high, 1e3)
    inside = [low, high, (low + high) / 2, low + (high - low) * rng.random(), low + (high - low) * rng.random() ** 4]
    between = rng.choice([*inside, *inside, low - 1, high * 2 + 1])
    text = written(between, known.unit)
    return f"{text}, {text}" if known.several and rng.random() < 0.3 else text


def time_like(default):
    """A default time as text, or None."""
    import brian2

    if np.ndim(default) == 0 and isinstance(default, brian2.Quantity) and default.dim is brian2.second.dim:
        return f"{float(default)!r}*second"
    return None


def word_like(default):
    """A word or a list of words as text, "" for anything else."""
    words = default if isinstance(default, tuple | list) else (default,)
    return ", ".join(map(str, words)) or "none"


def command(number, protocols=None):
    """A command line, its arguments after `spikelearn`, and the names of what was drawn. number : any integer."""
    rng = random.Random(number)
    every = set(protocols or running.shipped_protocols()) - set(() if protocols else NEEDS_IMAGES)
    name = rng.choice(sorted(every & set(LONG) if rng.random() < 1 / 6 else every - set(LONG)) or sorted(every))
    module = running.load_protocol(name)
    known, settings = running.signature(module), dict(SMALL.get(name, {}))
    options, drawn = ["--quick", "--json"], []
    synapse = settings.pop("synapse", None)
    options += ["--synapse", synapse] if synapse else []
    own = [key for key in known if key not in (*running.COMMON, "out", "start", "results", "data_dir", "others")]
    models = _model_parameters(known, synapse)
    for _ in range(rng.randint(1, 3)):
        if rng.random() < 0.75 and own or not models:
            key = rng.choice(own or ["seed"])
            default = known[key]
            small = settings.get(key) or time_like(default) or word_like(default)
            settings[key] = values(range_of(key, default, getattr(module, "RANGES", {})), small, rng)
        else:
            key, default = rng.choice(models)
            settings[key] = _model_value(default, rng)
        drawn.append(key.rpartition(".")[2])
    for key, choices in (("seed", ["-1", "0", "3", str(2**31 - 1), str(2**31)]), ("jobs", ["0", "1", "-3", "1000"]),
                         ("device", ["numpy"])):
        if key in known and (key == "device" or rng.random() < 0.15):
            options += [f"--{key}", rng.choice(choices)]
            drawn.append(key)
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    return ["run", name, *options, *words], sorted({*drawn, *(key.rpartition(".")[2] for key in settings)})


def _model_parameters(known, synapse):
    """(name with its owner, default) of the parameters of the models that a protocol runs with."""
    rules = known.get("synapse") or ()
    synapses, neuron = running._models(synapse or rules, known.get("neuron"), "neuron" in known)
    found = {f"synapse.{key}": value for rule in synapses for key, value in rule.parameters.items()}
    if neuron:
        found |= {f"neuron.{key}": value for key, value in neuron.parameters.items()}
    return sorted(found.items(), key=lambda item: item[0])


def _model_value(default, rng):
    size = float(default)
    if rng.random() < 0.12:
        return rng.choice(NONSENSE)
    from spikelearn.equations.content import _value

    factor = rng.choice([0.5, 1, 1.1, 0.9, 2] * 3 + [0, -1, 1e3, 1e-3, 1e30, -1e30])
    return _value(default * factor) if size else _value(default + 0)


def outcome(arguments):
    """(exit code, standard output, standard error) of a command line, run in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main(arguments)
    return code, out.getvalue(), err.getvalue()


def fault(arguments, drawn, found):
    """What is wrong with the outcome of a command line, "" if nothing is."""
    code, out, err = found
    last = err.strip().splitlines()[-1] if err.strip() else ""
    if "Traceback" in err or code not in (0, 1, 2):
        return f"exit code {code}, traceback: {'Traceback' in err}"
    if code == 2:
        said = [line for line in err.splitlines() if line.startswith("spikelearn: ") and "warning" not in line]
        if len(said) != 1 or last != said[0]:
            return "the refusal is not one sentence"
        if "the run stopped" in last or "Brian2 refuses" in last:
            return "the refusal is that of an error inside"
        if not any(name in last for name in drawn):
            return "the refusal names no parameter that was set"
        return "" if out == "" else "a refused run printed numbers"
    return "" if _finite(json.loads(out)) else "numbers that are not finite"


def _finite(value):
    if isinstance(value, dict | list):
        return all(map(_finite, value.values() if isinstance(value, dict) else value))
    return value is not None and (not isinstance(value, float) or math.isfinite(value))


