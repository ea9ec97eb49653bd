"""What data sets are made of: arrays and the formats of their files, labels, options, facts."""
