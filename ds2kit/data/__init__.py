"""Prepared corpora: shards and their index, the plan of an epoch, batches."""
