"""flashlight's beam search, with language models, for ds2kit."""
