"""What is kept of what was said: adapters of ``FeedbackStore``."""
