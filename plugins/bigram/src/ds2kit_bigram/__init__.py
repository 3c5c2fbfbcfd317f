"""Non-overlapping bigrams as tokens for ds2kit."""
