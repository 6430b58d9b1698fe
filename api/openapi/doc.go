// Package openapi is generated from openapi.yaml: the types of requests and
// responses, and the interface that the handlers implement. It also carries the
// contract itself. The generated files are committed; after a change of
// openapi.yaml run `go generate ./api/openapi`.
package openapi

import (
	_ "embed"

	"github.com/getkin/kin-openapi/openapi3"
)

//go:generate go tool -modfile=tools.mod oapi-codegen -config config.yaml ../../openapi.yaml
//go:generate cp ../../openapi.yaml contract.yaml

// Contract is openapi.yaml as it was written, comments and all. go:embed cannot
// reach above its own folder, hence the copy.
//
//go:embed contract.yaml
var Contract []byte

// Load reads the contract. The generator could embed it too, but with its
// operationIds changed, and the guards of the operations go by those.
func Load() (*openapi3.T, error) {
	return openapi3.NewLoader().LoadFromData(Contract)
}
