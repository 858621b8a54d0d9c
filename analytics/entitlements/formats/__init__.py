"""Formats of entitlements: one file each, found by scanning; pure functions from bytes to facts and faults."""
