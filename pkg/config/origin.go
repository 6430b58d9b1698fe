package config

import (
	"regexp"
	"slices"
	"strings"
)

// OriginAllowed compares an origin to the letter with those of AllowedOrigins; a
// listed port of * stands for any port and for none.
func OriginAllowed(origins []string, origin string) bool {
	return slices.ContainsFunc(origins, func(o string) bool {
		host, anyPort := strings.CutSuffix(o, ":*")
		if !anyPort {
			return o == origin
		}
		port, ok := strings.CutPrefix(origin, host)
		return ok && (port == "" || portSuffix.MatchString(port))
	})
}

var portSuffix = regexp.MustCompile(`^:[0-9]{1,5}$`)
