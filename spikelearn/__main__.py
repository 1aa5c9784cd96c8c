"""python -m spikelearn: the command line."""
import sys

from spikelearn.command.command_line import main

sys.exit(main())
