"""What each dialect can say, by its name: the strategies that the laws draw from."""

from __future__ import annotations

from support import (
    bedrock_values,
    cohere_values,
    dialect_values,
    gemini_values,
    ollama_values,
    responses_values,
)

QUESTIONS = {
    **dialect_values.QUESTIONS,
    responses_values.RESPONSES: responses_values.QUESTIONS,
    bedrock_values.BEDROCK: bedrock_values.QUESTIONS,
    gemini_values.GEMINI: gemini_values.QUESTIONS,
    ollama_values.OLLAMA: ollama_values.QUESTIONS,
    cohere_values.COHERE: cohere_values.QUESTIONS,
}
ANSWERS = {
    **dialect_values.ANSWERS,
    responses_values.RESPONSES: responses_values.ANSWERS,
    bedrock_values.BEDROCK: bedrock_values.ANSWERS,
    gemini_values.GEMINI: gemini_values.ANSWERS,
    ollama_values.OLLAMA: ollama_values.ANSWERS,
    cohere_values.COHERE: cohere_values.ANSWERS,
}
FINISHES = {
    **dialect_values.FINISHES,
    responses_values.RESPONSES: responses_values.FINISHES,
    bedrock_values.BEDROCK: bedrock_values.FINISHES,
    gemini_values.GEMINI: gemini_values.FINISHES,
    ollama_values.OLLAMA: ollama_values.FINISHES,
    cohere_values.COHERE: cohere_values.FINISHES,
}
"""What each dialect has a word for."""

NAMES = tuple(QUESTIONS)
"""The dialects that the laws are of, which need both halves: Replicate's has none for clients."""
