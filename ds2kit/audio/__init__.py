"""Sound in: any file or bytes to mono samples at one rate, in bounded memory."""
