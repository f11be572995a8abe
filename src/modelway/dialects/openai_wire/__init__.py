"""What OpenAI's two dialects have in common: errors, models, vectors, media. Not a dialect itself."""
