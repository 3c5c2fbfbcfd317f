"""Language models: n-grams from text, ARPA files, perplexity, lexicons. NumPy only."""
