"""`spikelearn fit`: the protocol stdp_fit with options of its own."""

OPTIONS = dict(
    to=("EXPERIMENT|FILE,...", "what the rule is fitted to: shipped experiments or CSV files, separated by commas"),
    free=("NAME=A..B,...", 'free parameters with bounds: "A_plus,A_minus=0..0.1,tau_plus=5..50*ms"; a bare name is '
                           "searched from a tenth of its value to ten times its value"),
    hold_out=("EXPERIMENT|FILE,...", "experiments that are predicted, not fitted"),
    starts=("N", "searches by least squares; default: 8"),
    repeats=("N", "synapses of each candidate, for rules that draw random numbers"),
)
REQUIRED = ("to", "free")


def add_fit(commands, add_run_options, run):
    """Add the command to the parser's commands. run : what runs a protocol with the options of `spikelearn run`."""
    parser = commands.add_parser("fit", help="fit a rule's parameters to experiments", allow_abbrev=False)
    for name, (what, meaning) in OPTIONS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", metavar=what, help=meaning, required=name in REQUIRED)
    add_run_options(parser)

    def fit(options):
        given = {name: getattr(options, name) for name in OPTIONS}
        options.settings = [*options.settings,
                            *(f"{name}={value}" for name, value in given.items() if value is not None)]
        options.protocol = "stdp_fit"
        return run(options)

    parser.set_defaults(command=fit)
