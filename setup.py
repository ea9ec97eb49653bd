"""Installs logreg with the engine that runs on this Python."""

import re
from pathlib import Path

from setuptools import setup

here = Path(__file__).parent
version = re.search(r'__version__ = "(.+)"', (here / "logreg/__init__.py").read_text()).group(1)

setup(
    name="logreg",
    version=version,
    description="The Theano tutorial's logistic regression, living: on Theano and on PyTensor",
    long_description=(here / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="BSD-3-Clause",
    packages=["logreg", "logreg.datasets", "logreg.engine", "logreg.prediction"],
    package_data={"logreg": ["tutorial_log.csv"]},
    # An installed package finds the sample under sys.prefix; a clone has it in data/.
    data_files=[("share/logreg", ["data/mnist_sample.npz"])],
    python_requires=">=3.8",
    install_requires=[
        "six",
        'theano==1.0.5; python_version < "3.12"',
        'numpy<1.24; python_version < "3.12"',
        'pytensor>=3; python_version >= "3.12"',
        'numpy>=2; python_version >= "3.12"',
    ],
    extras_require={
        "progress": ["tqdm"],
        "images": ["pillow>=10.1"],
        "tables": ["pandas>=2.0.3"],
        # Theano's C code is linked with it: for nets.
        "blas": [
            "scipy-openblas32; platform_system == 'Linux' and platform_machine in 'x86_64 aarch64'"
        ],
        "cuda": ["jax[cuda12]; python_version >= '3.12'"],
        # JAX on the CPU stands for a GPU in the tests.
        "test": [
            *("pytest", "hypothesis", "pillow>=10.1", "pandas>=2.0.3"),
            "jax; python_version >= '3.12'",
        ],
        "lint": ["ruff"],
    },
    entry_points={
        "console_scripts": [
            "logreg-train=logreg.train:main",
            "logreg-predict=logreg.predict:main",
        ]
    },
)
