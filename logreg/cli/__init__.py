"""What the commands share: exit codes, Ctrl-C, and options. No engine comes in."""
