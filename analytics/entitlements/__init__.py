"""Entitlements: who may do what, as facts with history, and what follows from them for one call."""
