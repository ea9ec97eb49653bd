"""``python -m logreg`` tells which commands there are."""

from logreg.version import __version__

COMMANDS = f"""logreg {__version__}: softmax regression, as in the Theano tutorial

  python -m logreg.tutorial  write the tutorial as a page to read and to play with
  python -m logreg.train     train a model and keep the best one
  python -m logreg.predict   predict classes, or evaluate a model
  python -m logreg.report    write a page of pictures of a model
  python -m logreg.export    write a model for programs without logreg
  python -m logreg.legacy    run a program that was written for Theano

Each has --help. As a library: from logreg import LogisticRegression, load_data."""

if __name__ == "__main__":
    print(COMMANDS)
