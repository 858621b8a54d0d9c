"""The report of an entitlement review."""
