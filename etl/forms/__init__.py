"""Other offices' forms: how they are laid out, what their labels mean, what the store knows."""
