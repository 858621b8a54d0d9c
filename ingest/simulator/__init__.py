"""A simulated fleet: gateway logs in several formats with planted incidents and their answer sheet."""

from ingest.simulator.options import SimulationOptions, Summary
from ingest.simulator.simulation import simulate

__all__ = ["SimulationOptions", "Summary", "simulate"]
