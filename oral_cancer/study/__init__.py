"""A study: many trainings of models and folds, turned into tables and one page."""
