"""Entitlement reviews: what was granted, what was used, what was refused, and what would break if it went."""
