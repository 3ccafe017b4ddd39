"""The load: requests from a process of its own, the same for both sides."""

from bench.load.answers import Answers, generate, percentile

__all__ = ["Answers", "generate", "percentile"]
