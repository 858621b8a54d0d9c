"""Ingest: from a gateway's bytes to durable rows. Sources, format adapters, redaction, fingerprints, the loop."""
