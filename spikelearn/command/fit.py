"""`spikelearn fit` and `spikelearn.fit`: the protocol stdp_fit with its own options."""
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spikelearn.equations.records import SynapseModel
    from spikelearn.results.result import Result

OPTIONS = dict(
    to=("EXPERIMENT|FILE,...", "what the rule is fitted to: shipped experiments or CSV files, separated by commas"),
    free=("NAME=A..B,...", 'free parameters with bounds: "A_plus,A_minus=0..0.1,tau_plus=5..50*ms"; a bare name is '
                           "searched from a tenth of its value to ten times its value"),
    hold_out=("EXPERIMENT|FILE,...", "experiments that are predicted, not fitted"),
    starts=("N", "searches by least squares; default: 8"),
    posterior=("STEPS", "steps of an ensemble sampler after the fit (needs emcee); default: none"),
    repeats=("N", "synapses of each candidate, for rules that draw random numbers"),
)
REQUIRED = ("to", "free")


def add_fit(commands, add_run_options, run):
    """Add the command to the parser's commands. run : what runs a protocol with the options of `spikelearn run`."""
    parser = commands.add_parser("fit", help="fit a rule's parameters to experiments", allow_abbrev=False)
    for name, (what, meaning) in OPTIONS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", metavar=what, help=meaning, required=name in REQUIRED)
    add_run_options(parser)

    def fitted(options):
        given = {name: getattr(options, name) for name in OPTIONS}
        options.settings = [*options.settings,
                            *(f"{name}={value}" for name, value in given.items() if value is not None)]
        options.protocol = "stdp_fit"
        return run(options)

    parser.set_defaults(command=fitted)


def fit(rule: "str | SynapseModel", to: str | list | tuple, free: str, **options: object) -> "Result":
    """Fit parameters of a rule to measured weight changes.

    Parameters
    ----------
    rule : the rule, by name, file or record.
    to : experiments that it is fitted to, shipped or CSV files: one, several in a list, or separated by commas.
    free : parameters with bounds, such as "A_plus, tau_plus=5..50*ms"; a bare name is searched from a tenth of its
        value to ten times its value.
    **options : further keywords of the protocol stdp_fit, such as hold_out="bi_poo_window", starts=8, out="DIR".

    Returns
    -------
    Result, whose headline has the fitted numbers and E before and after; `plot` draws data and fit, and
    `arrays["report"]` is the report as text.

    Raises
    ------
    SpikelearnError : for a parameter that the rule lacks, bounds that make no sense, or data without uncertainties.

    Examples
    --------
    >>> result = sl.fit("stdp_pair", "bi_poo_window", "A_plus, A_minus", quick=True)      # doctest: +ELLIPSIS
    [[stdp_pair fitted to bi_poo_window]]
    ...
    >>> result.headline["free_parameters"]
    2
    """
    from spikelearn.command.notebook import run

    if not isinstance(to, str):
        to = ", ".join(map(str, to if isinstance(to, list | tuple) else [to]))
    hold_out = options.pop("hold_out", "none")
    options["hold_out"] = hold_out if isinstance(hold_out, str) else ", ".join(map(str, hold_out))
    return run("stdp_fit", synapse=rule, to=to, free=free, **options)
