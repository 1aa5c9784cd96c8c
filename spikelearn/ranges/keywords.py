"""Keywords of protocols and fields of recipes by name, and the values that each may have, wherever it occurs.

The upper bounds of counts are far above any use: beyond them a run would fill the memory or not end. A protocol in
which a name means something else declares RANGES of its own. Times and rates that are not here are above zero.
"""
from spikelearn.ranges.check import Range, Words, numbers, positive, whole

SEED = 2**31 - 1            # as far as the generators of random numbers tell seeds apart
EPOCHS = whole(1, 10_000)
ROUNDS = whole(1, 100_000)
UNITS = Range(1, 10_000, whole=True, several=True, layer=True)
IMAGES = whole(0, 100_000)  # 0 = all where that is the default; else at least one
HELD_OUT = whole(0, 100_000)
LEARNING_RATE = numbers(0, 10, several=True)
SHARE = numbers(0, 1)
TIME_EITHER_SIDE = Range(-10, 10, unit="second", several=True)

KEYWORDS = {
    "seed": whole(0, SEED), "jobs": whole(1, 256),
    # how much: counts
    "epochs": EPOCHS, "learn_epochs": EPOCHS, "alignment_epochs": EPOCHS,
    "batch": whole(1, 100_000), "shares": whole(1, 64), "chunk": whole(1, 100_000), "seeds": whole(1, 1000),
    "runs": whole(1, 1000), "images": IMAGES, "learn_images": IMAGES, "validation": HELD_OUT, "shown": IMAGES,
    "completed": whole(1, 100_000), "samples": IMAGES, "parzen_samples": HELD_OUT, "centres": whole(1, 10_000),
    "pairs": whole(1, 10_000), "n": whole(1, 10_000), "longest": whole(1, 100_000), "trials": whole(1, 200_000),
    "copies": whole(1, 20_000), "repeats": whole(1, 20_000), "repeats_of_levers": whole(1, 20_000),
    "presentations": whole(1, 200_000), "repetitions": whole(1, 20_000), "networks": whole(1, 20_000),
    "levels": whole(2, 10_000), "dreamers": whole(1, 20_000), "dream": whole(1, 10_000),
    "digit_dream": whole(1, 10_000),
    "rounds": ROUNDS, "choice_rounds": ROUNDS, "reach_rounds": ROUNDS, "digit_rounds": ROUNDS,
    "steps": ROUNDS, "top_steps": ROUNDS, "chain_steps": ROUNDS, "sweeps": ROUNDS, "nudged": ROUNDS, "free": ROUNDS,
    "free_steps": ROUNDS, "nudged_steps": whole(1, 100_000, several=True),
    "signs": whole(-1, 1, several=True), "listen_steps": ROUNDS, "window_steps": whole(0, 100_000),
    "chains": whole(1, 100_000), "tau_d": whole(0, 10_000), "shift": whole(0, 14), "glances": whole(1, 9),
    # sizes of networks
    "hidden": UNITS, "units": UNITS, "sizes": UNITS, "alignment_hidden": UNITS, "inputs": whole(1, 1000),
    "outputs": whole(1, 1000), "depths": whole(1, 20, several=True),
    # learning
    "rate": positive(10), "rates": LEARNING_RATE, "random_rates": LEARNING_RATE, "adam_rate": LEARNING_RATE,
    "encoder_rate": LEARNING_RATE, "decoder_rate": LEARNING_RATE, "backprop_rate": LEARNING_RATE,
    "digit_rate": positive(10), "last_rate": SHARE, "decay": SHARE, "decays": numbers(0, 1, several=True),
    "weight_decay": SHARE, "redraw": whole(0, 1_000_000), "saturation": numbers(0, 80), "homeostasis": numbers(0, 10),
    "activity": SHARE, "walk_back": SHARE, "walk_steps": whole(1, 1000), "leg": positive(10_000),
    "pixel_flips": numbers(0, 0.5),
    "average": numbers(0, 0.9999), "gate": SHARE, "beta": numbers(-2, 2, nonzero=True), "pull": positive(1000),
    "hidden_spread": numbers(0, 10), "spread": numbers(0, 10), "scale": positive(10), "output_bias": numbers(-10, 10),
    "bias": numbers(-50, 50), "hidden_bias": numbers(-50, 50), "hours": numbers(0, 10_000),
    # noise, steps and nudges of models in rates
    "noise": numbers(0, 10), "pixel_noise": numbers(0, 10), "digit_noise": numbers(0, 10), "share": SHARE,
    "delta": positive(1), "gradient_delta": positive(1), "alpha": numbers(0, 10), "generate_alpha": numbers(0, 10),
    "factor": positive(10_000), "step": positive(1), "chain_step": positive(1), "temperature": positive(100),
    "temperatures": positive(100, several=True), "gain": positive(100), "xi": positive(1),
    "nudges": positive(100, several=True), "fitted": positive(10, several=True, length=2),
    "angles": numbers(0, 180, several=True), "settling": numbers(0, 10_000), "apart": positive(10_000),
    "averaged": positive(10_000), "epsp": numbers(-10, 10),
    "loss": Words(("bernoulli", "gaussian")), "precision": Words(("single", "double")),
    # switches whose default is that of a recipe
    "centred": Range(switch=True), "linear_outputs": Range(switch=True), "from_prior": Range(switch=True),
    "from_mean": Range(switch=True), "hidden_flips": Range(switch=True),
    # times and potentials
    "read_after": positive(100, unit="second"),
    "dt": Range(1e-6, 0.1, unit="second"), "delta_t": TIME_EITHER_SIDE, "warm_up": Range(0, 1000, unit="second"),
    "duration": Range(1e-3, 1000, unit="second"), "widest": positive(10, unit="second"),
    "spacing": Range(1e-6, 10, unit="second"), "rises": Range(-1000, 1000, unit="Hz", several=True),
    "v_lowest": Range(-1, 1, unit="volt"), "v_highest": Range(-1, 1, unit="volt"),
}


def whole_numbers(**given):
    """The values of keywords that are whole numbers, in their order, as int: 3.0 is 3. Raises SpikelearnError."""
    for name, value in given.items():
        KEYWORDS[name].check(name, value)
    return tuple(int(value) for value in given.values())
