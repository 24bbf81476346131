# make run   install what the app needs and serve it at http://localhost:8501
# make test  install what the tests need and run every check
# make bench  ours beside others' programs, and what visitors wait for; figures in bench/results.json
# make weights MODELS="clip siglip2"  download learned models beforehand
# make fuzz  damaged files and made-up links, MINUTES=5 for each kind
# make audit  known faults of what is installed (asks the internet), and a thorough search for keys
# make load  whether it holds up: crowds, hostile files, kills, 100,000 pictures; an hour, MINUTES=5
# make test-scale  the checks that need a Milvus server and a Ray cluster, both started here

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
SCALE := .venv-scale
MILVUS := .venv-milvus
BENCH := .venv-bench
PORT ?= 8501
CHROMIUM := $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)

# Where nothing but loopback is: the server that is tested there would listen to everybody
ALONE := $(if $(IMGSIM_TEST_MILVUS),,unshare --net $(if $(filter 0,$(shell id -u)),,--map-root-user))

.PHONY: run test test-scale load format bench readme weights fuzz audit clean

run: $(VENV)/.installed
	$(BIN)/streamlit run app.py --server.port $(PORT)

test: $(VENV)/.installed-dev chromium
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pip check
# Side by side, since a browser test waits much of its time; its words come at the end
	$(BIN)/python -m pytest tests/browser > .browser.log 2>&1 & browser=$$!; \
	$(BIN)/python -m pytest -n 2 --dist loadfile --ignore tests/browser --ignore tests/scale; computed=$$?; \
	wait $$browser; seen=$$?; cat .browser.log; exit $$((computed + seen))

test-scale: $(SCALE)/.installed $(MILVUS)/.installed chromium
	timeout 900 $(ALONE) $(SCALE)/bin/python -m pytest tests/scale

MINUTES ?= 5
fuzz: $(VENV)/.installed-dev
	for kind in gate archive head brought-back link; do \
		$(BIN)/python -m tests.security.fuzz $$kind $(MINUTES) || failed=1; done; exit $${failed:-0}

# TRIALS="crowd large-gallery" for some of them; OPTIONS for what --help lists
load: $(VENV)/.installed-dev
	$(BIN)/python -m tests.load --minutes $(MINUTES) --json load.json $(OPTIONS) $(TRIALS)

# The search for keys in the tests knows their shapes; this one looks at words and chance too,
# and at what is new since .secrets.baseline only.
AUDIT := .venv-audit
audit: $(VENV)/.installed-dev
	test -x $(AUDIT)/bin/pip-audit || { $(BIN)/python -m venv $(AUDIT) && \
		$(AUDIT)/bin/pip install --quiet pip-audit==2.10.1; }
	$(AUDIT)/bin/pip-audit --path $$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
	git ls-files -z | xargs -0 $(BIN)/detect-secrets-hook --baseline .secrets.baseline

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(BENCH)/.installed chromium
	$(BENCH)/bin/python -m bench

weights: $(VENV)/.installed
	@test -n "$(MODELS)" || { $(BIN)/python -m imgsim_core models; echo 'Which? make weights MODELS="ID ID"'; exit 2; }
	for model in $(MODELS); do $(BIN)/python -m imgsim_core models fetch $$model || exit 1; done

# The tables of both READMEs, drawn from the registry; a test says when this is due.
readme: $(VENV)/.installed-dev
	$(BIN)/python docs/draw_tables.py

clean:
	rm -rf $(VENV) $(SCALE) $(MILVUS) $(BENCH) .mypy_cache .ruff_cache .pytest_cache

$(VENV)/bin/python:
	$$(command -v $(PYTHON) || command -v python3) -m venv $(VENV)

$(VENV)/.installed: requirements.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet -r requirements.txt
	touch $@

# What is needed of it compiles itself at its first use: all of it would take another 90 s
$(VENV)/.installed-dev: requirements-dev.txt requirements.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --no-compile -r requirements-dev.txt
	touch $@ $(VENV)/.installed

# Beside what the tests have: two environments with one place of packages would fight over it
$(SCALE)/.installed: requirements-scale.txt $(VENV)/.installed-dev
	$(BIN)/python -m venv $(SCALE)
	place='import sysconfig; print(sysconfig.get_path("purelib"))'; \
	$(BIN)/python -c "$$place" > "$$($(SCALE)/bin/python -c "$$place")/imgsim.pth"
	$(SCALE)/bin/pip install --quiet -r requirements-scale.txt
	touch $@

$(BENCH)/.installed: requirements-bench.txt $(VENV)/.installed-dev
	$(BIN)/python -m venv $(BENCH)
	place='import sysconfig; print(sysconfig.get_path("purelib"))'; \
	$(BIN)/python -c "$$place" > "$$($(BENCH)/bin/python -c "$$place")/imgsim.pth"
	$(BENCH)/bin/pip install --quiet -r requirements-bench.txt
	touch $@

# A Milvus server out of a wheel: the last one that Milvus has put into one
$(MILVUS)/.installed: | $(VENV)/bin/python
	$(BIN)/python -m venv $(MILVUS)
	$(MILVUS)/bin/pip install --quiet milvus==2.3.5
	touch $@

# The browser tests drive Debian's Chromium; a Chinese font so that screenshots show letters.
.PHONY: chromium
chromium:
ifeq ($(CHROMIUM),)
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-cjk >/dev/null; \
	elif command -v sudo >/dev/null && command -v apt-get >/dev/null; then \
		sudo apt-get update -qq && sudo DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-cjk >/dev/null; \
	else \
		echo "Chromium is missing and cannot be installed here: install it, then run make test again."; exit 1; \
	fi
endif
