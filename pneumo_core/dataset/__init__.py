"""What a film is, and where films come from."""
