"""What is printed: results, notes, warnings, errors, and a line of progress. No engine comes in."""
