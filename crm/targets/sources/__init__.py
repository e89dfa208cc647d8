"""Where targets come from: each source is one file here that reads facts and writes nothing."""
