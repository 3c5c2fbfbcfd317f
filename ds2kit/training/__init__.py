"""From prepared speech to a trained model."""
