"""`spikelearn again DIR`: repeat a run from its run.json and say what differs."""


def add_again(commands) -> None:
    """Add the command to the parser's commands."""
