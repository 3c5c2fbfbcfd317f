"""A log-mel frontend for ds2kit."""
