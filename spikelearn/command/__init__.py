"""The command line, running protocols, settings and their ranges, output folders."""
