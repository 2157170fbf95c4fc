# The front door: `make test` is all a new user needs.
BUILD ?= build/dev
JOBS ?= $(shell nproc)

.PHONY: all setup build test demo asan tsan release format lint clean

all: build

setup:
	@scripts/setup

build: setup
	@cmake --preset dev -B $(BUILD) >/dev/null
	@cmake --build $(BUILD) -j $(JOBS)

test: build
	@scripts/run-tests $(BUILD)

# A whole migration; variables in tests/demo/README.md. Those given to make
# reach the script by its environment.
OUT ?= out/demo
export OUT
demo: build
	@scripts/demo $(BUILD)

# Unit tests under a sanitizer.
asan tsan: setup
	@cmake --preset $@ >/dev/null
	@cmake --build build/$@ -j $(JOBS)
	@ctest --test-dir build/$@ -L unit --output-on-failure --no-tests=error

release: setup
	@cmake --preset $@ >/dev/null
	@cmake --build build/$@ -j $(JOBS)

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

lint:
	@scripts/lint
	@scripts/commit-check

clean:
	@rm -rf build/dev build/asan build/tsan build/release out
