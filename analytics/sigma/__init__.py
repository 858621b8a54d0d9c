"""Sigma: rules the field already shares, run over the canonical events by pySigma and SQL of ours."""
