import numpy as np
from numpy.typing import NDArray

def hash_rows(columns: NDArray[np.int64], longest: int, found: NDArray[np.uint8], /) -> None: ...
