package sandbox

// Routes are the patterns of all operations.
func Routes() []string {
	var all []string
	for _, rt := range resources() {
		all = append(all, rt.pattern)
	}
	return all
}
