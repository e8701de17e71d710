# The product alone in an image without shell: about the size of the binary. /data holds the
# database, files and the sealing key; give it a volume, and keep a copy of /data/key elsewhere.
FROM node:22-bookworm-slim AS screen
WORKDIR /src/web/ui
COPY web/ui/package.json web/ui/package-lock.json web/ui/.npmrc ./
RUN npm ci --ignore-scripts
COPY web/ui/ ./
RUN npm run build

FROM golang:1.26-bookworm AS program
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=screen /src/web/ui/dist/ web/ui/dist/
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath \
    -ldflags "-s -w -X github.com/deskbell/deskbell/cmd/internal/app.Version=$VERSION" -o /deskbell ./cmd/deskbell
RUN mkdir /data

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=program /deskbell /deskbell
COPY --from=program --chown=nonroot:nonroot /data /data
COPY LICENSE NOTICE /
ENV DESKBELL_LISTEN=0.0.0.0:8080 DESKBELL_DATA=/data
VOLUME /data
EXPOSE 8080
ENTRYPOINT ["/deskbell"]
CMD ["serve"]
