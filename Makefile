# The few commands of this repository; each is plain Go, and CI runs .ci/run.
.PHONY: build test check generate cover lint image

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.7.0

build: ## a static binary of memprobe in bin/
	CGO_ENABLED=0 go build -trimpath -o bin/memprobe ./cmd/memprobe

test: ## all tests
	go test ./...

check: ## what every change must pass
	bash .ci/run

generate: ## the assembly and the embedded images
	go generate ./...

cover: ## statements covered: of each package by its own tests, and of all together
	internal/tool/cover.sh

lint: ## what staticcheck finds, with the kernels in assembly and in Go
	go run $(STATICCHECK) ./...
	go run $(STATICCHECK) -tags purego ./...

image: ## the container that job arrays on Kubernetes run
	docker build -t memprobe:latest .
