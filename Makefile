# The front door. `make demo` and `make test` are all a new user needs.
BUILD ?= build/dev
JOBS ?= $(shell nproc)

.PHONY: all setup build test demo asan tsan format clean

all: build

setup:
	@scripts/setup

build: setup
	@cmake -S . -B $(BUILD) -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
	    -DCMAKE_C_COMPILER_LAUNCHER=ccache >/dev/null
	@cmake --build $(BUILD) -j $(JOBS)

test: build
	@scripts/run-tests $(BUILD)

demo: build
	@python3 tests/demo/demo.py --build $(BUILD) \
	    --source "$(SOURCE)" --tenant "$(TENANT)" --out "$(OUT)" \
	    --rate "$(RATE)" --loaders "$(LOADERS)" \
	    --transformers "$(TRANSFORMERS)" --changes "$(CHANGES)" \
	    --objects "$(OBJECTS)" --faults "$(FAULTS)" \
	    --source-faults "$(SOURCE_FAULTS)" --kill "$(KILL)" \
	    --seed "$(SEED)" --keep "$(KEEP)"

asan: setup
	@cmake -S . -B build/asan -G Ninja -DCMAKE_BUILD_TYPE=Debug \
	    -DDR_SANITIZE=address >/dev/null
	@cmake --build build/asan -j $(JOBS)
	@ctest --test-dir build/asan -L unit --output-on-failure

tsan: setup
	@cmake -S . -B build/tsan -G Ninja -DCMAKE_BUILD_TYPE=Debug \
	    -DDR_SANITIZE=thread >/dev/null
	@cmake --build build/tsan -j $(JOBS)
	@ctest --test-dir build/tsan -L unit --output-on-failure

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

clean:
	@rm -rf build/dev build/asan build/tsan out
