"""The client inventory."""
