"""One pass over features that stay in their files: it checks them, and digests the data set."""

from logreg.datasets.checks import SPLITS, check_values
from logreg.datasets.folders import digest_arrays, mapping, progress

MEDIAN_VALUES = 2**20  # about as many values as a median is taken of


def read_through(sets, given, name, dtype, standardize):
    """Check the values of features that stay in files, in the pass that digests the sets.

    `given` are the sets that the files tell apart. Returned are the smallest and the largest
    feature of each set, and the digest.
    """
    sources, rows, ranges, n_rows = {}, {}, {}, 0
    for split in SPLITS:
        of = split if split in given else "train"  # from which it was split off
        sources[split] = f"{name}: {SPLITS[of]} x" if len(given) > 1 else f"{name}: x"
        rows[split] = n_rows if of == "train" else 0
        n_rows += len(sets[split][1]) * (of == "train")

    def look(number, block):
        split = list(SPLITS)[number // 2]
        if number % 2 == 0:
            low, high = check_values(block, sources[split], rows[split])
            least, most = ranges.get(split, (low, high))
            ranges[split] = min(least, low), max(most, high)
            rows[split] += len(block)
            advance(block.nbytes)

    with progress(sum(x.nbytes for x, _ in sets.values()), "checking") as advance:
        arrays = [array for split in SPLITS for array in sets[split]]
        return ranges, digest_arrays(arrays, dtype, standardize, look)


def some_rows(x):
    """About a million values of features, in whole rows."""
    # Of a file, single rows here and there would take a second reading.
    n_rows = max(1, MEDIAN_VALUES // x.shape[1])
    return x[:n_rows] if mapping(x) is not None else x[:: 1 + x.size // MEDIAN_VALUES]
