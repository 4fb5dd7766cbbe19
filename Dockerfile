# A static binary and nothing else: docker build -t memprobe:latest .
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -o /memprobe ./cmd/memprobe

FROM scratch
COPY --from=build /memprobe /memprobe
# Temporary files and the cache of data sets; a job mounts volumes over them.
COPY --from=build --chmod=1777 /tmp /tmp
ENV PATH=/ HOME=/tmp
ENTRYPOINT ["/memprobe"]
