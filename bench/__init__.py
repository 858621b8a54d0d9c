"""Benchmarks: each prints its rate or time beside a named peer or floor, measured in the same run."""
