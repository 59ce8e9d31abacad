"""Every setting's type, range and influence on figures, and how a refusal reads: the one place that checks settings."""

from oral_cancer.settings.checks import (
    build,
    check,
    faults,
    influential,
    influential_of,
    number_of_ranks,
    resolved,
    settings_hash,
)
from oral_cancer.settings.refusals import checked, checked_arguments, faults_of, options, shown, unknown
from oral_cancer.settings.rules import AS_TYPED, BY_NAME, PATTERNS

__all__ = [
    "AS_TYPED",
    "BY_NAME",
    "PATTERNS",
    "build",
    "check",
    "checked",
    "checked_arguments",
    "faults",
    "faults_of",
    "influential",
    "influential_of",
    "number_of_ranks",
    "options",
    "resolved",
    "settings_hash",
    "shown",
    "unknown",
]
