"""A briefing as content: figures that know their origin, sentences and tables by rules; no look."""
