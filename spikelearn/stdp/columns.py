"""Columns of an experiment's file: their names, which known one another name is meant for, and equal cells."""
import difflib
import math
import re
from collections.abc import Sequence

from spikelearn.stdp.conditions import REPEATS, WAYS

TREATMENT = ("third_s", "third_from_s", "third_to_s", "hold_mV", "read_after_s")
RESULTS = {"change_percent": (100, 0), "ratio": (1, 1), "change": (1, 0)}      # unit, value of no change
SPREADS = ("sem_percent", "sem", "sd_percent", "sd")
KNOWN = ("label", *WAYS, *REPEATS, *TREATMENT, *RESULTS, *SPREADS, "n", "control", "score", "cell")
UNITS = ("_ms", "_s", "_hz", "_mV", "_percent")
NEAR = 0.8      # likeness to a known column from which another is taken for a slip; chosen here
NEAR_LONG = 0.88        # and to what the field calls it, of names longer than 6 letters
DIMENSIONS = {"ms": "time", "s": "time", "sec": "time", "seconds": "time", "min": "time", "hz": "rate",
              "mv": "potential", "percent": "share", "pct": "share"}
NUMBER, RATE, TIME = ("",), ("rate", ""), ("time", "")
ERROR = "std_error stderr std_err standard_error error err errorbar error_bar uncertainty"
DEVIATION = "std stdev std_dev stddev standard_deviation sigma"
WEIGHT = ("weight_change dw delta_w relative_change fractional_change plasticity ltp potentiation synaptic_change "
          "epsp_change epsc_change")
SYNONYMS = (        # known column, dimensions of the other name's unit, what the field calls it
    ("repeats", NUMBER, "pairs pairings repetitions reps motifs bursts triplets quadruplets stimuli pulses sweeps "
                        "spike_pairs pre_post_pairs pair_count"),
    ("repeat_hz", RATE, "hz rate freq frequency rho pairing_rate pairing_frequency pairing_freq stim_rate stim_freq "
                        "stim_frequency stimulation_rate stimulation_frequency repetition_rate repetition_frequency "
                        "repeat_rate repeat_frequency induction_rate induction_frequency motif_rate"),
    ("repeat_hz", ("rate",), "pair pairs pairing stim stimulation rep repetition induction"),
    ("repeat_hz", TIME, "period pairing_period pairing_interval repeat_interval repetition_interval isi "
                        "inter_pair_interval interpair_interval repeat_every"),
    ("trains", NUMBER, "blocks epochs train_count"),
    ("train_every_s", TIME, "train_interval inter_train_interval intertrain_interval train_period iti between_trains "
                            "time_between_trains interval_between_trains block_interval"),
    ("third_s", TIME, "dopamine reward third_factor neuromodulator acetylcholine da ach noradrenaline serotonin "
                      "plateau dopamine_time reward_time dopamine_delay reward_delay"),
    ("third_from_s", TIME, "drug_from drug_start drug_on drug_onset dopamine_from reward_from ach_from da_from "
                           "acetylcholine_from wash_in"),
    ("third_to_s", TIME, "drug_to drug_end drug_off drug_until dopamine_to reward_to ach_to da_to acetylcholine_to "
                         "wash_out"),
    ("hold_mV", ("potential", ""), "holding holding_potential v_hold vhold vh clamp clamp_potential v_clamp held_at"),
    ("read_after_s", TIME, "measured_after measure_after read_at measured_at read_delay"),
    ("delta_t_ms", TIME, "dt delta delta_time spike_timing timing lag pre_post_interval spike_interval "
                         "time_difference post_minus_pre"),
    ("pre_ms", TIME, "pre_spikes pre_times pre_spike_times presynaptic presynaptic_spikes t_pre"),
    ("post_ms", TIME, "post_spikes post_times post_spike_times postsynaptic postsynaptic_spikes t_post"),
    ("change", NUMBER, WEIGHT), ("change_percent", ("share",), WEIGHT),
    ("change_percent", NUMBER, "percent_change pct_change change_in_percent"),
    ("ratio", NUMBER, "fold fold_change weight_ratio epsp_ratio epsc_ratio after_over_before normalized normalised "
                      "normalized_epsp normalised_epsp"),
    ("sem", NUMBER, ERROR), ("sem_percent", ("share",), ERROR),
    ("sd", NUMBER, DEVIATION), ("sd_percent", ("share",), DEVIATION),
    ("score", NUMBER, "exclude excluded exclusion omit omitted ignore ignored skip skipped include included use used "
                      "keep kept left_out"),
    ("control", NUMBER, "is_control ctrl"),
)
MEANING = {"repeats": "the number of motifs", "repeat_hz": "the motifs in a second", "trains": "the number of trains",
           "train_every_s": "the time from one train to the next", "score": "0 for a condition that is not scored",
           "change": "the ratio minus 1", "ratio": "after over before, 1 for no change"}
ONE_OF = {"pre_ms": ("pre_file", "delta_t_ms"), "post_ms": ("post_file", "delta_t_ms"), "delta_t_ms": WAYS,
          **{one: several for several in (TREATMENT[:3], tuple(RESULTS), SPREADS) for one in several}}
A_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
OWN = ("cells",)        # of the user's own, though like a known one


def refusal(name: str, head: Sequence[str]) -> str:
    """Why a column of this name is refused, "" if it is a known one or one of the user's own. head : all names."""
    if name in KNOWN or name.lower() in OWN:
        return ""
    meant = _synonym(name)
    if not meant and (known := _slip(name)):
        return f"is too like the known column {known} to be one of your own: correct or rename it"
    if not meant or any(one in head for one in (meant, *ONE_OF.get(meant, ()))):     # another one says it already
        return ""
    if meant in ("sem", "sd") and "change_percent" in head:
        meant += "_percent"
    means = f" ({MEANING[meant]})" if meant in MEANING else ""
    return f"is not read, and seems to mean {meant}{means}: name it so, or otherwise if it is one of your own"


def _slip(name: str) -> str:
    """The known column that an unknown one is a slip for: other capitals, a unit that is missing or another, a typo."""
    lower, known = _lower(name), {one.lower(): one for one in KNOWN}
    near = [one for one in difflib.get_close_matches(lower, known, n=3, cutoff=NEAR) if not _other_unit(lower, one)]
    bare = [one for one in KNOWN if any(one == lower + unit for unit in UNITS)]
    return known[near[0]] if near else bare[0] if bare else ""


def _other_unit(name: str, known: str) -> bool:
    """Whether two names differ in their units only, as post_mV and post_ms: a slip does not turn a time into volts."""
    (stem, one), (other_stem, another) = _parts(name), _parts(known)
    return stem == other_stem and bool(one and another) and one != another


def _lower(name: str) -> str:
    return re.sub(r"[\s./()\[\]-]+", "_", name.replace("%", "_percent").lower()).strip("_")


def _parts(lower: str) -> tuple[str, str]:
    """A name without its unit, and the dimension of that unit, "" for none."""
    stem, _, unit = lower.rpartition("_")
    return (stem, DIMENSIONS[unit]) if stem and unit in DIMENSIONS else (lower, "")


def _synonym(name: str) -> str:
    """The known column that goes by another name in the field, "" for none; long names may hold a typo."""
    stem, dimension = _parts(_lower(name))
    for known, dimensions, words in SYNONYMS:
        called = re.sub(r"^(number_of|number|total|num|nr|no|n)_(?=.)", "", stem) if dimensions == NUMBER else stem
        long = [word for word in words.split() if len(word) > 6 and len(called) > 6]
        if dimension in dimensions and (called in words.split() or stem in words.split()
                                        or difflib.get_close_matches(called, long, n=1, cutoff=NEAR_LONG)):
            return known
    return ""


def plain(name: str, text: str) -> str:
    """A cell with its numbers written in one way, so that 10, 10.0 and 1e1 are the same; names of files stay."""
    return text if name.endswith("_file") else " ".join(map(_plain_word, text.split()))


def is_number(word: str) -> bool:
    """Whether a word is written as a number."""
    return bool(A_NUMBER.fullmatch(word))


def _plain_word(word: str) -> str:
    if not is_number(word) or not math.isfinite(value := float(word)):
        return word
    if word.lstrip("+-").isdigit():
        return str(int(word))           # of any length, such as the number of a cell
    return str(int(value)) if value == round(value) and abs(value) < 1e15 else repr(value)
