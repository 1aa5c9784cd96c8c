"""`spikelearn cache`: the size of what is kept for later runs, and its removal."""
import argparse


def add_cache(commands) -> None:
    """Add the command to the parser's commands."""
    parser = commands.add_parser(
        "cache", help="show the size of compiled networks, trained models and images; --clear removes the networks",
        allow_abbrev=False)
    parser.add_argument("--clear", action="store_true",
                        help="remove the compiled networks, which are compiled again when they are needed")
    parser.set_defaults(command=cache)


def cache(options: argparse.Namespace) -> int:
    """Print number, size and folder of what is kept; with --clear, remove the compiled networks. Returns 0."""
    from spikelearn.images import idx_files
    from spikelearn.simulation.cache import cache_folder, clear, network_folders, size_of_folder

    networks = [folder for folder in network_folders() if folder.is_dir() or folder == network_folders()[0]]
    if options.clear:
        print(f"{sum(clear(folder) for folder in networks)} compiled networks are removed")
    data = idx_files.cache_folder()
    kept = [*(("compiled networks", folder) for folder in networks), ("trained models", cache_folder() / "generative"),
            *((f"images of {name}", data / name) for name in idx_files.MIRRORS)]
    rows = [(what, *size_of_folder(folder), folder) for what, folder in kept]
    width = max(len(what) for what, *_ in rows)
    for what, count, size, folder in rows:
        print(f"{what:{width}} {count:6} {size / 1e6:9.1f} MB  {folder}")
    return 0
