"""What is said on stderr: notes, warnings, errors, and a line of progress. No engine comes in."""
