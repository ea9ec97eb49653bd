"""The names by which arrays are found among others, and pictures among files."""

from logreg.basics.errors import DatasetError, cut, listed

# The names of the features and of the labels, ...
ARRAYS = (("x", "y"), ("X", "y"), ("data", "target"), ("images", "labels"))
# ... and what is added to them in each split.
FORMS = {
    "train": ("{}_train", "train_{}", "{}"),
    "valid": ("{}_valid", "valid_{}", "{}_val", "val_{}"),
    "test": ("{}_test", "test_{}"),
}
# Pictures that are read, and those that are not.
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff")
PICTURES += (".pbm", ".pgm", ".ppm", ".pnm")
OTHER_PICTURES = (".svg", ".pdf", ".eps", ".heic")


def find_sets(names):
    """Find for each split the names of its two arrays, among the names of all.

    Examples
    --------
    >>> find_sets(["x", "y", "train_data", "train_target", "X_val", "y_val", "more"])
    {'train': ('train_data', 'train_target'), 'valid': ('X_val', 'y_val')}
    """
    sets = {}
    for split, forms in FORMS.items():
        pairs = [tuple(map(form.format, pair)) for form in forms for pair in ARRAYS]
        whole = [pair for pair in pairs if set(pair) <= set(names)]
        if whole:
            sets[split] = whole[0]
        elif split == "train" or any(set(pair) & set(names) for pair in pairs):
            # The training set is missing, or one array of a pair is.
            raise DatasetError(
                f"has the arrays {listed([cut(name) for name in sorted(names)])}; a data set needs "
                "x_train and y_train, and may have both x_valid and y_valid, and both x_test and "
                "y_test; or it has x and y"
            )
    return sets


def find_array_to_predict(names):
    """Find the array to predict by the names of all; the result is a list of one name.

    It is called x or the like, or x_test or the like; or it is the only one.

    Examples
    --------
    >>> found = ["y", "X_test", "x"], ["y", "test_images"], ["mine"]
    >>> [find_array_to_predict(names) for names in found]
    [['x'], ['test_images'], ['mine']]
    >>> find_array_to_predict(["x_train", "y_train", "x_test", "y_test"])
    ['x_test']
    """
    wanted = [form.format(x) for form in ("{}", *FORMS["test"]) for x, _ in ARRAYS]
    called = [name for name in wanted if name in names]
    if called:
        return called[:1]
    if len(names) == 1:
        return names
    found = ", ".join(map(cut, names[:8])) or "none"
    raise DatasetError(f"has the arrays {found}: which is it? Call one of them x, or save it alone")
