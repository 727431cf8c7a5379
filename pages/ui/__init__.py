"""What the screens are made of; nothing here computes what the command line could not."""
