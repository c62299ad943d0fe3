"""Pure measures on frames: places, rates, hotspots, coverage and targets."""
