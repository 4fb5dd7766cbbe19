# The few commands of this repository; each is plain Go, and CI runs .ci/run.
.PHONY: build test check generate cover image

build: ## a static binary of memprobe in bin/
	CGO_ENABLED=0 go build -trimpath -o bin/memprobe ./cmd/memprobe

test: ## all tests
	go test ./...

check: ## what every change must pass
	bash .ci/run

generate: ## the assembly and the embedded images
	go generate ./...

cover: ## statements covered by all packages' tests together
	go test -coverpkg=./... -coverprofile=cover.out ./...
	go tool cover -func=cover.out | tail -1

image: ## the container that job arrays on Kubernetes run
	docker build -t memprobe:latest .
