"""The weekly summary of the fleet."""
