"""What every room stands on: errors, messages, whole files, flags of engines, the version."""
