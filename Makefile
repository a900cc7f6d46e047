# make demo, make test, make soak, make lowest, make build, make grade PS=..., make site,
# make release VERSION=...: each sets up .venv first, once.
# Every path here is relative, since make cannot hold a folder's name with blanks in it.

PYTHON := .venv/bin/python
READY := .venv/ready

# READY is written last and holds the folder's name: an interrupted set-up or a moved folder has none.
ifneq ($(shell test "$$(cat $(READY) 2>/dev/null)" = "$$(pwd)" && echo ready),ready)
.PHONY: $(READY)
endif

.PHONY: demo test soak lowest build grade site lint format release setup clean

demo: $(READY)
	.venv/bin/nbjudge demo

test: lint
	@# a file to a worker, so that its fixtures are made once, in the order of tests/conftest.py
	@# three, since tests also wait; one thread each, or matrix products would wait for one another
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(PYTHON) -m pytest -n 3 --dist loadfile --no-loadscope-reorder tests

soak: $(READY)
	@# 20 moments at which a grading run is killed, instead of 4
	NBJUDGE_KILLS=20 $(PYTHON) -m pytest tests/grading/test_interrupted.py
	@# every mistake and alternate run anew
	.venv/bin/nbjudge build
	.venv/bin/nbjudge audit

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
