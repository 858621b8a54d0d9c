"""The simulated fleet, for every test of this folder."""

from fleet_logs import logs

__all__ = ["logs"]
