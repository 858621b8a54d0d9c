"""The edge: commands, output, exit codes."""
