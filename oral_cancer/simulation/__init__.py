"""Simulated micrographs: what the framework is tried on where no others are."""

SIMULATED = "simulated_"
"""Begins the names of the simulator's files, by which they are known wherever they lie."""
