package flow

import "fmt"

func scan(s string, into *int) (int, error) { return fmt.Sscan(s, into) }
