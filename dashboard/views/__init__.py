"""One page each, widgets only."""
