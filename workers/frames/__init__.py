"""The frame server: full-resolution frames of any data set, read in confined processes, one for a source."""
