"""What all of logreg stands on: errors, messages, whole files, flags of engines, the version."""
