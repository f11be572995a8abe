"""What a person wrote, read into what the engine works by: files, environment, discovery."""
