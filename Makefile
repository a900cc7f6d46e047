# make demo, make check, make test, make soak, make lowest, make build, make grade PS=..., make site,
# make release VERSION=...: each sets up .venv first, once.
# Every path here is relative, since make cannot hold a folder's name with blanks in it.

PYTHON := .venv/bin/python
READY := .venv/ready

# READY is written last and holds the folder's name: an interrupted set-up or a moved folder has none.
ifneq ($(shell test "$$(cat $(READY) 2>/dev/null)" = "$$(pwd)" && echo ready),ready)
.PHONY: $(READY)
endif

.PHONY: demo check test soak lowest build grade site lint format release setup clean

demo: $(READY)
	.venv/bin/nbjudge demo

# A file to a worker, so that its fixtures are made once, in the order of tests/conftest.py. One thread
# each, or matrix products would wait for one another.
PYTEST := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(PYTHON) -m pytest --dist loadfile --no-loadscope-reorder

check: lint
	@# within a minute: the tests that start no kernel and run no programs
	$(PYTEST) -n 2 -m "not kernel and not slow" tests/test_*.py tests/lmlib tests/nbjudge tests/notebooks

test: lint
	@# three workers, since tests also wait
	$(PYTEST) -n 3 --durations=40 --durations-min=5 tests

EXCHANGE := releaseassignment fetch_assignment submit list collect releasefeedback fetchfeedback

soak: $(READY)
	@# 20 moments at which a grading run is killed, instead of 4
	NBJUDGE_KILLS=20 $(PYTHON) -m pytest tests/nbjudge/test_interrupted.py
	@# Hypothesis' properties with ten times the examples, drawn at random
	$(PYTHON) -m pytest --hypothesis-profile=soak -m "not kernel and not slow" tests/lmlib tests/nbjudge
	@# random code, right and wrong, graded 200 times
	NBJUDGE_GRADINGS=200 $(PYTHON) -m pytest tests/notebooks/test_draws.py
	@# nbgrader's own tests of its exchange, with our wiring
	cd tests/nbgrader_exchange && PATH="$$OLDPWD/.venv/bin:$$PATH" JUPYTER_CONFIG_DIR="$$PWD" \
		../../$(PYTHON) -m pytest -c /dev/null --rootdir . --confcutdir . -p no:cacheprovider \
		--pyargs $(EXCHANGE:%=nbgrader.tests.apps.test_nbgrader_%)
	@# every mistake and alternate, each run again, and every mutant of the solutions
	.venv/bin/nbjudge build
	.venv/bin/nbjudge audit --mutants

lowest: $(READY)
	@# with the lowest versions that pyproject.toml allows, in environments that are thrown away
	NBJUDGE_LOWEST=1 $(PYTHON) -m pytest tests/test_lowest.py

build: $(READY)
	.venv/bin/nbjudge build

grade: $(READY)
	@test -n "$(PS)" || { echo "Which problem set? For example: make grade PS=ps1_rnn_sampling" >&2; exit 2; }
	.venv/bin/nbjudge grade $(PS)

site: $(READY)
	$(PYTHON) -m website

lint: $(READY)
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports
	$(PYTHON) -m nbjudge.authoring.normalise --check
	$(PYTHON) -m nbjudge.authoring.contents --check

format: $(READY)
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .
	$(PYTHON) -m nbjudge.authoring.normalise
	$(PYTHON) -m nbjudge.authoring.contents

release: $(READY)
	@$(PYTHON) .ci/release.py "$(VERSION)"

setup: $(READY)

$(READY): pyproject.toml lmlib/pyproject.toml nbjudge/pyproject.toml constraints.txt hatch_build.py $(wildcard nbjudge/shared/*.py)
	@sh .ci/setup $(READY)

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis dist site
