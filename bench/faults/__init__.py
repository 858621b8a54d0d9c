"""Faults a store of evidence must survive: injected, and judged alike with the library alone and with the lake."""
