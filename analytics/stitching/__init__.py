"""Stitching: which events belong to one piece of work, how sure that is, and why.

MCP 2026-07-28 has no sessions, and before it many clients opened one per call. So a session is reconstructed: from
ids where they deserve belief, else from who acted, how long the pauses were, which tool follows which, and which
argument came from which result.
"""
