"""Ways in which a file comes to harm."""

import struct

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

QUICK = settings(
    max_examples=300,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@st.composite
def harmed(draw: st.DrawFn, *files: bytes, header: int = 200) -> bytes:
    """One of the files with bits flipped, parts cut out or doubled, numbers made absurd, or its end missing.

    Half of the harm is in the first `header` bytes.
    """
    data = bytearray(draw(st.sampled_from(files)))
    place = st.one_of(st.integers(0, min(len(data) - 1, header)), st.integers(0, len(data) - 1))
    for _ in range(draw(st.integers(1, 3))):
        at = min(draw(place), len(data) - 1)
        match draw(st.sampled_from(["flip", "cut", "drop", "double", "number", "zeros"])):
            case "flip":
                data[at] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del data[max(1, at) :]
            case "drop":
                del data[at : at + draw(st.integers(1, 40))]
            case "double":
                data[at:at] = data[at : at + draw(st.integers(1, 40))]
            case "number":
                number = draw(st.sampled_from([0, 1, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 30_000]))
                data[at : at + 4] = struct.pack(draw(st.sampled_from(["<I", ">I"])), number)
            case "zeros":
                data[at : at + 16] = bytes(16)
        if not data:
            break
    return bytes(data)
