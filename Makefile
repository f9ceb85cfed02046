# SPDX-License-Identifier: Apache-2.0
# The front door. Everything behind it is meson, ninja and the scripts in tool/ and test/.
.PHONY: first run test bench fuzz lint deps build clean install

run test bench fuzz lint deps: first
first: ; @tool/first
run:   ; @tool/run
test:  ; @tool/test
bench: ; @tool/bench
fuzz:  ; @tool/fuzz
lint:  ; @tool/lint
deps:  ; @tool/deps build
build: deps ; @tool/build build
clean: ; rm -rf build build-*
install: deps ; @tool/build programs && meson install -C build --no-rebuild
