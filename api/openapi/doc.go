// Package openapi is generated from openapi.yaml: the types of requests and
// responses, the interface that the handlers implement, and the contract itself.
// The generated files are committed; after a change of openapi.yaml run
// `go generate ./api/openapi`.
package openapi

import _ "embed"

//go:generate go tool -modfile=tools.mod oapi-codegen -config config.yaml ../../openapi.yaml
//go:generate cp ../../openapi.yaml contract.yaml

// Contract is openapi.yaml as it was written, comments and all. go:embed cannot
// reach above its own folder, hence the copy.
//
//go:embed contract.yaml
var Contract []byte
