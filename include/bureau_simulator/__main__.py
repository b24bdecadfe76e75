"""Run the simulator as ``python -m bureau_simulator``."""

from bureau_simulator.cli import main

main()
