# make train PYTHON=python3.13 picks the interpreter, and with it the engine.
PYTHON ?= python3
VENV ?= .venv$(if $(filter command line,$(origin PYTHON)),-$(notdir $(PYTHON)))
BIN = $(VENV)/bin

.PHONY: train tutorial test lint docs data benchmark clean venv

train: data
	$(BIN)/python -m logreg.train

# Without MNIST, a run on its sample is shown.
tutorial: $(BIN)/installed
	-$(BIN)/python scripts/fetch_mnist.py
	$(BIN)/python -m logreg.tutorial $(OPTIONS)

# Tests that need MNIST are skipped where it cannot be had.
test: venv
	-$(BIN)/python scripts/fetch_mnist.py
	$(BIN)/python -m pytest tests -n auto --maxprocesses 4 --dist loadfile $(OPTIONS)

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# The documentation of the library, from its docstrings: api/index.html.
PUBLIC = model sgd updates hyperparameters early_stopping run callbacks basics.errors report.plots fitting estimator \
  datasets.shared_sets datasets.dataset prediction.predictor saving.model_file saving.variables
docs: $(BIN)/installed
	$(BIN)/python -m pip install --quiet --editable '.[docs,sklearn]'
	$(BIN)/python -m pdoc --docformat numpy --output-directory api $(addprefix logreg.,$(PUBLIC))

data: $(BIN)/installed
	$(BIN)/python scripts/fetch_mnist.py

benchmark: venv
	$(BIN)/python scripts/benchmark.py $(OPTIONS)

clean:
	rm -rf .venv* build *.egg-info best_* tutorial.html tutorial.ipynb api .pytest_cache .ruff_cache .hypothesis
	rm -f logreg/kernel/*.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

venv: $(BIN)/installed-tools

# The native kernel is built, for this Python, where there is a C compiler: once, as it takes long.
EXTRAS = images,tables,report,blas,tutorial
$(BIN)/installed-tools: EXTRAS := $(EXTRAS),test,lint
$(BIN)/installed $(BIN)/installed-tools: setup.py $(wildcard logreg/kernel/*.[ch] logreg/kernel/*.inc)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[$(EXTRAS)]'
	touch $(BIN)/installed $@
