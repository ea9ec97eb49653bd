"""Installs logreg with the engine that runs on this Python."""

import re
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

here = Path(__file__).parent
version_file = (here / "logreg/basics/version.py").read_text()
version = re.search(r'__version__ = "(.+)"', version_file).group(1)


class BuildKernel(build_ext):
    """Builds the native kernel; where that fails, leaves it out and says so."""

    def get_source_files(self):
        """List what belongs into a source distribution: what is included, too."""
        included = [name for ext in self.extensions for name in ext.depends if name != "setup.py"]
        return sorted({*super().get_source_files(), *included})

    def build_extension(self, ext):
        if self.compiler.compiler_type == "unix":  # GCC or Clang
            ext.extra_compile_args = ["-O3", "-fno-math-errno", "-fno-trapping-math", "-pthread"]
            ext.extra_compile_args += ["-ffp-contract=off"]  # the bits are those that are written
            ext.extra_compile_args += ["-g0"]  # Python's own -g makes it ten times as large
            ext.extra_link_args = ["-pthread"]
        try:
            super().build_extension(ext)
        except Exception as error:  # the compilers' errors have no class in common
            print(f"note: without the native kernel logreg is slower: it was not built ({error})")
            Path(self.build_lib, self.get_ext_filename(ext.name)).unlink(missing_ok=True)
            self.extensions = []  # it is the only one; setuptools 56 copies whatever is listed

    def copy_extensions_to_source(self):
        """Put the kernel into an editable install; an older one goes, as its sources did."""
        for ext in self.distribution.ext_modules:
            Path(self.get_ext_filename(ext.name)).unlink(missing_ok=True)
        super().copy_extensions_to_source()


class SourceDistribution(sdist):
    """An archive of the whole project: from it, the tests run as from a clone."""

    FILES = "Makefile LICENSE .[a-z]*.* .codespellrc .ci/run .github/**/* "
    FILES += "logreg/**/* scripts/* tests/**/* "
    FILES += "data/*.md data/*.png data/penguins.csv data/mnist_sample.npz"

    def make_distribution(self):
        paths = [path for files in self.FILES.split() for path in Path().glob(files)]
        paths = [path for path in paths if path.is_file() and path.suffix not in (".so", ".pyc")]
        self.filelist.extend(map(str, paths))
        super().make_distribution()


notebook = ["nbclient", "nbformat", "ipykernel", "matplotlib>=3.6"]
tutorial = ["markdown-it-py", "mdit-py-plugins", "latex2mathml", "Pygments", "pillow>=10.1"]
tutorial += ["ziamath", "fonttools"]  # a font for formulas, and what takes its letters
# The last one that takes NumPy 1.23.
pyarrow = ['pyarrow<18; python_version < "3.12"', 'pyarrow; python_version >= "3.12"']

setup(
    name="ten-sums",  # on the package index, `logreg` is another project; the import stays logreg
    version=version,
    description="The Theano tutorial's logistic regression, living: on Theano and on PyTensor",
    long_description=(here / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="BSD-3-Clause AND CC-BY-4.0",  # the code; the tutorial's text and pictures
    author="the logreg authors",
    keywords="theano pytensor mnist softmax logistic-regression tutorial",
    classifiers=[
        "Development Status :: 5 - Production/Stable",
        "Environment :: Console",
        "Intended Audience :: Education",
        "Intended Audience :: Science/Research",
        "Programming Language :: C",
        "Programming Language :: Python :: 3",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in range(8, 14)),
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    # An editable install is then a plain path, which comes before a folder `logreg` of no package,
    # as the folder above a clone has it.
    package_dir={"": "."},
    packages=[
        "logreg",
        "logreg.basics",
        "logreg.callbacks",
        "logreg.cli",
        "logreg.datasets",
        "logreg.engine",
        "logreg.kernel",
        "logreg.legacy",
        "logreg.parts",
        "logreg.prediction",
        "logreg.report",
        "logreg.retraining",
        "logreg.saving",
        "logreg.tables",
        "logreg.tutorial",
    ],
    ext_modules=[
        Extension(
            "logreg.kernel._kernel",
            sorted(map(str, Path("logreg/kernel").glob("*.c"))),
            depends=["setup.py", *sorted(map(str, Path("logreg/kernel").glob("*.[hi]*")))],
            optional=True,
        )
    ],
    cmdclass={"build_ext": BuildKernel, "sdist": SourceDistribution},
    package_data={
        "logreg": ["py.typed"],
        "logreg.callbacks": ["tutorial_log.csv"],
        "logreg.report": ["*.js", "page.html"],
        "logreg.tutorial": ["*.md", "*.svg", "page.html", "*.js", "toys/*.js", "*.csv"],
    },
    # An installed package finds the sample under sys.prefix; a clone has it in data/.
    data_files=[("share/logreg", ["data/mnist_sample.npz"])],
    python_requires=">=3.8,<3.15",  # where Theano and PyTensor end
    install_requires=[
        "six",  # theano.scan, and theano.compat.six of old programs, need it on every Python
        'theano==1.0.5; python_version < "3.12"',
        'numpy<1.24; python_version < "3.12"',
        'setuptools<81; python_version < "3.12"',  # with pkg_resources, for theano.scan
        'pytensor>=3; python_version >= "3.12"',
        'numpy>=2; python_version >= "3.12"',
    ],
    extras_require={
        "images": ["pillow>=10.1"],
        "tables": ["pandas>=2.0.3"],
        "parquet": ["pandas>=2.0.3", *pyarrow],
        "excel": ["pandas>=2.0.3", "openpyxl"],
        "report": ["matplotlib>=3.6"],
        "tutorial": tutorial,
        "notebook": notebook,
        "sklearn": ["scikit-learn>=1.3"],
        "onnx": ["onnx"],
        # Theano's C code is linked with it: for nets.
        "blas": [
            "scipy-openblas32; platform_system == 'Linux' and platform_machine in 'x86_64 aarch64'"
        ],
        "mpi": ["mpi4py", "mpich; platform_system != 'Windows'"],
        "cuda": ["jax[cuda12]; python_version >= '3.12'"],
        "cuda13": ["jax[cuda13]; python_version >= '3.12'"],
        # JAX on the CPU stands for a GPU in the tests.
        "test": [
            *(
                "pytest",
                "pytest-timeout",
                "pytest-xdist",
                "mypy",
                "hypothesis",
                "pandas>=2.0.3",
                "openpyxl",
                "scikit-learn>=1.3",
            ),
            *("onnx", "onnxruntime", *pyarrow),
            *("matplotlib>=3.6", "selenium", *tutorial),
            *("nbformat", "nbclient", "ipykernel"),
            *("mpi4py", "mpich; platform_system != 'Windows'"),
            "jax; python_version >= '3.12'",
        ],
        "lint": ["ruff"],
        "docs": ["pdoc"],
    },
    entry_points={
        "console_scripts": [
            "logreg=logreg.__main__:main",
            "logreg-train=logreg.train:main",
            "logreg-predict=logreg.predict:main",
            "logreg-report=logreg.report.__main__:main",
            "logreg-export=logreg.export:main",
            "logreg-tutorial=logreg.tutorial.__main__:main",
        ]
    },
)
