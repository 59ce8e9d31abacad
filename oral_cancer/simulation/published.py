"""The published data set (PLOS ONE e0310304), as conf/source/oral_cancer.yaml and the paper have it.

Only what draws, fetches, tries or knows that very data set may look here.
"""

from oral_cancer.layout import layout_of

LAYOUT = layout_of("oral_cancer")
LABELS = LAYOUT.labels
COUNTS = {"homo": {"val": 240, "test": 60}, "hetero": {"val": 160, "test": 40}}
"""Images of a pure label and of a mixed one, in the Val and the Test folders."""
