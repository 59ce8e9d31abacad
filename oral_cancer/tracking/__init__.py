"""Weights & Biases: how a run begins and ends there, what it is told of, and what it is made from.

Runs of trainings, predictions, explanations and studies are put together in the rooms of these.
"""
