"""Text: the normalisers of scoring, and the tokenizer of characters."""
