"""Detecting: run every detection over what is new, and keep what it found as evidence that can be argued with."""
