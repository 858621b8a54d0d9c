"""The report of an incident."""
