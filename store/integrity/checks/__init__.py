"""What `verify` checks, one file for each kind of claim. Each check reports all faults it finds and goes on."""
