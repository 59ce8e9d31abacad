"""From predictions to figures and tables: pure functions that know nothing of PyTorch."""
