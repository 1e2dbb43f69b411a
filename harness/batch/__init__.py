"""Answers by the provider's batch endpoint: half the price, within 24 hours, into the same journal."""
